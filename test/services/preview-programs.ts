/** The programs that thumbnails of HEIC, PDFs and videos are made with, and files that they know: made by real encoders. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { photo } from './pictures.ts';

const PDFTOPPM: DebianProgram = {
  title: 'pdftoppm',
  setting: 'TEST_PDFTOPPM',
  commands: ['pdftoppm'],
  debianPackages: ['poppler-utils'],
};
const FFMPEG: DebianProgram = {
  title: 'ffmpeg',
  setting: 'TEST_FFMPEG',
  commands: ['ffmpeg'],
  debianPackages: ['ffmpeg'],
};
const HEIF_ENC: DebianProgram = {
  title: 'heif-enc and heif-convert',
  setting: 'TEST_HEIF_ENC',
  commands: ['heif-enc'],
  debianPackages: ['libheif-examples'],
};
/** Some seventy packages come with ffmpeg. */
export const INSTALL_MS = 300_000;
const run = promisify(execFile);

/** Folders in which all of them are. */
export async function installPreviewPrograms(): Promise<string[]> {
  const programs = [PDFTOPPM, FFMPEG, HEIF_ENC];
  await installDebianPrograms(programs);
  return [...new Set(programs.map((program) => path.dirname(debianProgram(program))))];
}

/** As a phone takes it: the picture lies on its side, and a property of the file turns it. */
export function heicPhoto(width: number, height: number): Promise<Buffer> {
  return withFolder(async (folder) => {
    const [from, to] = [path.join(folder, 'a.jpg'), path.join(folder, 'a.heic')];
    await writeFile(from, await photo({ width, height }));
    await run(debianProgram(HEIF_ENC), ['-q', '60', from, '-o', to]);
    return readFile(to);
  });
}

export type Container = 'mp4' | 'webm' | 'avi' | 'ogv';
const CODECS: Record<Container, string[]> = {
  mp4: ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  webm: ['-c:v', 'libvpx', '-deadline', 'realtime'],
  avi: ['-c:v', 'mpeg4'],
  ogv: ['-c:v', 'libtheora'],
};

/** A second of one colour after a black beginning. An MP4 has its table at the end, as cameras write it. */
export function film(container: Container, size = '320x180'): Promise<Buffer> {
  return withFolder(async (folder) => {
    const to = path.join(folder, `a.${container}`);
    const black = `color=black:s=${size}:d=0.4:r=10`;
    const red = `color=red:s=${size}:d=0.6:r=10`;
    const joined = ['-filter_complex', '[0:v][1:v]concat=n=2:v=1:a=0', '-g', '2'];
    const words = ['-v', 'error', '-f', 'lavfi', '-i', black, '-f', 'lavfi', '-i', red, ...joined];
    await run(debianProgram(FFMPEG), [...words, ...CODECS[container], to]);
    return readFile(to);
  });
}

/** One page of A4, blue, with words on it. */
export function pdfPage(): Buffer {
  const drawn = '0 0 1 rg 0 0 595 842 re f 1 1 1 rg BT /F1 48 Tf 60 700 Td (First page) Tj ET';
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>',
    `<</Length ${drawn.length}>>stream\n${drawn}\nendstream`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ];
  let file = '%PDF-1.4\n';
  const places = objects.map((object, at) => {
    const place = file.length;
    file += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 6\n0000000000 65535 f \n${places.join('')}`;
  return Buffer.from(`${file}${table}trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n${file.length}\n%%EOF\n`, 'latin1');
}

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-media-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
