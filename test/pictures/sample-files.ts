/** Files as people send them, drawn by a browser: photos, papers and charts, for the pictures in the README. */
import type { Page } from 'playwright-core';

export type Scene = 'lake' | 'dunes' | 'night' | 'parcel' | 'room' | 'plan' | 'invoice' | 'chart';

/** A JPEG of 1200 × 900 pixels; `seed` moves what is in it. */
export async function drawScene(page: Page, scene: Scene, seed: number): Promise<Buffer> {
  const base64 = await page.evaluate(draw, { scene, seed });
  return Buffer.from(base64, 'base64');
}

/** Runs in the page. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one drawing after another, in the page, where nothing of ours can be called
function draw({ scene, seed }: { scene: Scene; seed: number }): string {
  const canvas = document.createElement('canvas');
  canvas.width = 1200;
  canvas.height = 900;
  const pen = canvas.getContext('2d') as CanvasRenderingContext2D;
  let state = seed * 7919 + 17;
  const random = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const sky = (from: string, to: string) => {
    const gradient = pen.createLinearGradient(0, 0, 0, 900);
    gradient.addColorStop(0, from);
    gradient.addColorStop(1, to);
    pen.fillStyle = gradient;
    pen.fillRect(0, 0, 1200, 900);
  };
  const ridge = (y: number, height: number, colour: string) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(0, 900);
    const phase = random() * 6;
    for (let x = 0; x <= 1200; x += 8) {
      const up = Math.sin(x / 190 + phase) * 0.5 + Math.sin(x / 71 + phase * 2) * 0.25 + Math.sin(x / 31) * 0.08;
      pen.lineTo(x, y - up * height);
    }
    pen.lineTo(1200, 900);
    pen.fill();
  };
  const paper = () => {
    sky('#d9dde4', '#c3c9d3');
    pen.fillStyle = '#fff';
    pen.shadowColor = 'rgb(0 0 0 / 0.25)';
    pen.shadowBlur = 40;
    pen.fillRect(240, 60, 720, 900);
    pen.shadowBlur = 0;
  };
  const lines = (x: number, y: number, count: number, width: number) => {
    pen.fillStyle = '#b9c0cc';
    for (let at = 0; at < count; at += 1) pen.fillRect(x, y + at * 44, width * (0.55 + random() * 0.45), 14);
  };
  const box = (x: number, y: number, width: number, height: number, colour: string) => {
    pen.fillStyle = colour;
    pen.fillRect(x, y, width, height);
  };

  if (scene === 'lake') {
    sky('#8fb9e8', '#fbe3c4');
    ridge(430, 170, '#7d94b8');
    ridge(520, 120, '#4f6f8f');
    box(0, 600, 1200, 300, '#5f93b5');
    for (let at = 0; at < 60; at += 1) box(random() * 1200, 610 + random() * 280, 60 + random() * 160, 3, '#8fbcd4');
    ridge(880, 60, '#2d4a3d');
  } else if (scene === 'dunes') {
    sky('#f6d7a7', '#f1a66a');
    pen.fillStyle = '#fff1cf';
    pen.beginPath();
    pen.arc(850 - seed * 40, 260, 80, 0, 7);
    pen.fill();
    ridge(560, 120, '#d98a4e');
    ridge(680, 140, '#b8683a');
    ridge(820, 110, '#8a4a2b');
  } else if (scene === 'night') {
    sky('#0d1533', '#3c3f7d');
    for (let at = 0; at < 160; at += 1) box(random() * 1200, random() * 560, 3, 3, '#dfe6ff');
    for (let x = 0; x < 1200; x += 90) {
      const height = 160 + random() * 330;
      box(x, 900 - height, 84, height, '#161a33');
      for (let y = 920 - height; y < 880; y += 34)
        for (let at = 10; at < 70; at += 22) if (random() > 0.45) box(x + at, y, 12, 18, '#ffd98a');
    }
  } else if (scene === 'parcel') {
    sky('#e7e2da', '#cfc6b8');
    box(0, 640, 1200, 260, '#a98e6d');
    pen.fillStyle = '#c99a5f';
    pen.fillRect(330, 270, 560, 440);
    box(330, 270, 560, 70, '#b98749');
    box(580, 270, 60, 440, '#e0c08c');
    box(680, 470, 160, 110, '#fff');
    lines(695, 485, 2, 120);
    if (seed % 2 === 0) {
      pen.strokeStyle = '#5b3b1c';
      pen.lineWidth = 7;
      pen.beginPath();
      pen.moveTo(350, 420);
      for (const [x, y] of [
        [410, 470],
        [440, 440],
        [500, 530],
        [540, 505],
      ] as const)
        pen.lineTo(x, y);
      pen.stroke();
    }
  } else if (scene === 'room') {
    sky('#f3efe8', '#e6ddcf');
    box(0, 680, 1200, 220, '#b48a63');
    box(120, 140, 300, 300, '#bcd9ee');
    box(262, 140, 14, 300, '#fff');
    box(120, 283, 300, 14, '#fff');
    box(560, 480, 520, 190, ['#5b7f8f', '#8f5b6a', '#6a8f5b'][seed % 3] as string);
    box(540, 520, 50, 180, '#4b6b79');
    box(1050, 520, 50, 180, '#4b6b79');
    box(740, 180, 220, 160, '#e0a458');
  } else if (scene === 'plan') {
    sky('#1d4f8c', '#16406f');
    pen.strokeStyle = '#cfe3ff';
    pen.lineWidth = 6;
    pen.strokeRect(160, 140, 880, 620);
    for (const [x, y, width, height] of [
      [160, 140, 380, 300],
      [540, 140, 500, 220],
      [160, 440, 380, 320],
    ] as const)
      pen.strokeRect(x, y, width, height);
    pen.lineWidth = 2;
    for (let x = 160; x <= 1040; x += 44) pen.strokeRect(x, 800, 44, 12);
  } else if (scene === 'invoice') {
    paper();
    box(300, 120, 120, 46, '#3350c8');
    lines(300, 230, 3, 300);
    for (let at = 0; at < 6; at += 1) {
      box(300, 420 + at * 62, 600, 2, '#dfe3ea');
      lines(300, 440 + at * 62, 1, 260);
      box(820, 440 + at * 62, 80, 14, '#8b93a3');
    }
  } else {
    paper();
    lines(300, 120, 2, 420);
    for (let at = 0; at < 9; at += 1) {
      const height = 90 + random() * 380;
      box(310 + at * 66, 760 - height, 42, height, at === 6 ? '#e0457b' : '#3350c8');
    }
    box(300, 760, 600, 3, '#586070');
  }
  return canvas.toDataURL('image/jpeg', 0.86).split(',')[1] as string;
}
