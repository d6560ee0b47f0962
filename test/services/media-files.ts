/** Makes pictures, sounds and films that a browser really shows and plays. */
import type { Page } from 'playwright-core';
import { pngFile } from './fixtures.ts';

const SAMPLE_RATE = 8000;

/** A tone as PCM, 8 bits and one channel: exactly 8,000 bytes for each second, so that places in time are places in the file. */
export function wavFile(seconds: number): Buffer {
  const samples = Math.round(seconds * SAMPLE_RATE);
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples, 40);
  const period = Buffer.from(
    Array.from({ length: 40 }, (_, at) => 128 + Math.round(20 * Math.sin((at / 40) * 2 * Math.PI))),
  );
  return Buffer.concat([header, Buffer.alloc(samples, period)]);
}

/** A GIF of two frames, each of one colour, 100 ms long, for ever. */
export function movingGif(): Buffer {
  const frame = (colour: number) => [
    ...[0x21, 0xf9, 4, 0, 10, 0, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, colour === 0 ? 0x44 : 0x4c, 1, 0],
  ];
  return Buffer.from([
    ...Buffer.from('GIF89a'),
    ...[1, 0, 1, 0, 0x80, 0, 0, 200, 30, 30, 30, 30, 200],
    ...[0x21, 0xff, 11, ...Buffer.from('NETSCAPE2.0'), 3, 1, 0, 0, 0],
    ...frame(0),
    ...frame(1),
    0x3b,
  ]);
}

/** A picture of one colour. */
export function picture(seed: number, width = 800, height = 600): Buffer {
  return pngFile({ width, height, seed });
}

/** A second of film, recorded by the browser itself: what a person's own recording is, without a length in its header. */
export async function webmFile(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 180;
    const context = canvas.getContext('2d') as CanvasRenderingContext2D;
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm;codecs=vp8' });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => {
      recorder.onstop = resolve;
    });
    recorder.start();
    for (let step = 0; step < 25; step += 1) {
      context.fillStyle = `hsl(${step * 14} 60% 45%)`;
      context.fillRect(0, 0, 320, 180);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    recorder.stop();
    await stopped;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  });
  return Buffer.from(base64, 'base64');
}
