/** What programs of the machine make a picture of, what they may take, and that nothing they are fed gets further than them. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPreviewMaker, type Preview, type PreviewMaker } from '../../server/pictures/preview-maker.ts';
import { findPreviewPrograms } from '../../server/pictures/preview-programs.ts';
import { createRenderFirstPicture } from '../../server/pictures/render-first-picture.ts';
import { runProgram } from '../../server/pictures/run-program.ts';
import { createScratch, type Scratch } from '../../server/pictures/scratch-folder.ts';
import { broken, cornersOf } from '../services/pictures.ts';
import {
  type Container,
  film,
  heicPhoto,
  INSTALL_MS,
  installPreviewPrograms,
  pdfPage,
} from '../services/preview-programs.ts';

vi.setConfig({ testTimeout: 120_000 });
const goOn = new AbortController().signal;
let folder: string;
let scratch: Scratch;
let programs: ReturnType<typeof findPreviewPrograms>;
let maker: PreviewMaker;

beforeAll(async () => {
  programs = findPreviewPrograms(await installPreviewPrograms());
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-scratch-'));
  scratch = createScratch(folder);
  maker = createPreviewMaker({ programs, scratch });
}, INSTALL_MS);
afterAll(async () => {
  maker.rest();
  await rm(folder, { recursive: true, force: true });
});

test('all of them are found, and without a folder none is', () => {
  expect(Object.keys(programs).toSorted()).toEqual(['heic', 'pdf', 'video']);
  expect(findPreviewPrograms(['/nowhere'])).toEqual({});
  expect(createPreviewMaker({ programs: {}, scratch }).kinds).toEqual(['picture']);
});

test('the first page of a PDF', async () => {
  const { thumbnail, width, height } = await made('application/pdf', pdfPage());
  expect([width, height]).toEqual([453, 640]);
  expect(await sharp(thumbnail).metadata()).toMatchObject({ format: 'webp', width: 453, height: 640 });
  expect(new Set(await cornersOf(thumbnail))).toEqual(new Set(['#0000ff']));
  await nothingStays();
});

test.each<[string, Container]>([
  ['video/mp4', 'mp4'],
  ['video/webm', 'webm'],
  ['video/x-msvideo', 'avi'],
  ['video/ogg', 'ogv'],
])('a frame of %s, and not the black one that it begins with', async (type, container) => {
  const { thumbnail, width, height } = await made(type, await film(container));
  expect([width, height]).toEqual([320, 180]);
  expect(new Set(await cornersOf(thumbnail))).toEqual(new Set(['#ff0000']));
  await nothingStays();
});

test('a HEIC', async () => {
  const { thumbnail, width, height } = await made('image/heic', await heicPhoto(900, 600));
  expect([width, height]).toEqual([900, 600]);
  expect(await cornersOf(thumbnail)).toEqual(['#ff0000', '#00ff00', '#0000ff', '#ffff00']);
  await nothingStays();
});

test('of a video of 3 GB with its table at the end 64 MB are read, and its frame is found', async () => {
  const file = await film('mp4');
  const tableAt = file.indexOf('moov') - 4;
  const gapBytes = 3 * 1024 ** 3;
  const gap = Buffer.alloc(16);
  gap.writeUInt32BE(1, 0);
  gap.write('free', 4, 'latin1');
  gap.writeBigUInt64BE(BigInt(gapBytes), 8);
  const head = Buffer.concat([file.subarray(0, tableAt), gap]);
  const table = file.subarray(tableAt);
  const sizeBytes = tableAt + gapBytes + table.length;
  let readBytes = 0;
  const long = {
    sizeBytes,
    async read(position: number, lengthBytes: number) {
      const bytes = Buffer.alloc(lengthBytes);
      readBytes += lengthBytes;
      if (position < head.length) head.copy(bytes, 0, position);
      const behind = sizeBytes - table.length - position;
      if (behind < lengthBytes) table.copy(bytes, Math.max(0, behind), Math.max(0, -behind));
      return bytes;
    },
    stream: () => Readable.from([]),
    close: async () => {},
  };
  const preview = await maker.make('video/mp4', async () => long, goOn);
  expect(preview).toMatchObject({ width: 320, height: 180 });
  expect(readBytes).toBe(64 * 1024 * 1024);
  await nothingStays();
});

describe('what is none of them is refused with a reason', () => {
  test.each<[string, string, () => Buffer]>([
    ['no PDF', 'application/pdf', () => Buffer.from('%PDF-1.4\nnothing')],
    ['nothing', 'application/pdf', () => Buffer.alloc(0)],
    ['no video', 'video/mp4', () => Buffer.from('\0\0\0\x20ftypisom\0\0\0\0isommp42and nothing else')],
    ['a list of files', 'video/webm', () => Buffer.from("ffconcat version 1.0\nfile '/etc/passwd'\n")],
    ['no HEIC', 'image/heic', () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heicand nothing else')],
  ])('%s (%s)', async (_what, type, file) => {
    expect(await make(type, file())).toEqual(expect.any(String));
    await nothingStays();
  });

  test('a playlist leads nowhere, whatever it is called', async () => {
    let calls = 0;
    const listener = net.createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await new Promise<void>((done) => void listener.listen(0, '127.0.0.1', done));
    const { port } = listener.address() as net.AddressInfo;
    const list = Buffer.from(`#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:${port}/a.ts\n#EXT-X-ENDLIST\n`);
    for (const type of ['video/mp4', 'video/webm']) expect(await make(type, list)).toEqual(expect.any(String));
    await new Promise((done) => listener.close(done));
    expect(calls).toBe(0);
  });
});

test('4 broken ones of each kind, and it goes on', async () => {
  const files: [string, Buffer][] = [
    ['application/pdf', pdfPage()],
    ['video/mp4', await film('mp4', '64x48')],
    ['image/heic', await heicPhoto(64, 48)],
  ];
  for (const [type, whole] of files)
    for (let seed = 0; seed < 4; seed += 1) {
      const result = await make(type, broken(whole, seed));
      if (typeof result !== 'string') expect(result.width).toBeGreaterThan(0);
    }
  await nothingStays();
  expect(await made('application/pdf', pdfPage())).toMatchObject({ width: 453 });
});

describe('limits', () => {
  const limits = { cpuSeconds: 1, wallMs: 60_000, memoryBytes: 64 * 1024 * 1024, outputBytes: 1024 * 1024 };
  const shell = (script: string, over: Partial<typeof limits> = {}, signal = goOn) =>
    withFiles((input, output) =>
      runProgram({
        ...{ program: '/bin/sh', words: ['-c', script], folder, signal },
        ...{ input: input.reader, output: output.writer, limits: { ...limits, ...over } },
      }).then(async (reason) => ({ reason, written: (await output.reader.stat()).size })),
    );

  test('time of the processor', async () => {
    expect((await shell('while :; do :; done')).reason).toMatch(/SIGXCPU/);
  });

  test('memory', async () => {
    expect((await shell('dd if=/dev/zero bs=256M count=1 of=/dev/null')).reason).toMatch(/memory exhausted/);
  });

  test('what it writes', async () => {
    const { reason, written } = await shell('dd if=/dev/zero bs=64k count=64 2>/dev/null');
    expect(reason).toMatch(/cannot be read/);
    expect(written).toBe(1024 * 1024);
  });

  test('time, which another try may keep', async () => {
    await expect(shell('sleep 600', { wallMs: 200 })).rejects.toThrow('takes too long');
  });

  test('it ends when it is told to, and knows no setting', async () => {
    const stop = new AbortController();
    const under = shell('sleep 600', {}, stop.signal);
    setTimeout(() => stop.abort(), 50);
    await expect(under).rejects.toThrow(/stopped|aborted/);
    // A shell makes these three for itself.
    const names = await shell('env | grep -v -E "^(PWD|SHLVL|_|OLDPWD)=" && exit 1 || exit 0');
    expect(names).toEqual({ reason: null, written: 0 });
  });

  test('a program that went meanwhile is waited for', async () => {
    const render = createRenderFirstPicture({ programs: { pdf: '/usr/bin/no-such-program' }, scratch });
    await expect(render('pdf', 'application/pdf', source(pdfPage()), goOn)).rejects.toThrow('cannot be run');
    await nothingStays();
  });
});

async function withFiles<T>(
  work: (
    ...files: [Awaited<ReturnType<Scratch['namelessFile']>>, Awaited<ReturnType<Scratch['namelessFile']>>]
  ) => Promise<T>,
): Promise<T> {
  const files = [await scratch.namelessFile(), await scratch.namelessFile()] as const;
  try {
    return await work(...files);
  } finally {
    for (const { writer, reader } of files) await Promise.all([writer.close(), reader.close()]);
  }
}

async function nothingStays(): Promise<void> {
  expect(await readdir(folder)).toEqual([]);
}

function source(file: Buffer) {
  return {
    sizeBytes: file.length,
    read: async (position: number, lengthBytes: number) => file.subarray(position, position + lengthBytes),
    stream: (first: number, last: number) => Readable.from([file.subarray(first, last + 1)]),
    close: async () => {},
  };
}

function make(type: string, file: Buffer): Promise<Preview | string> {
  return maker.make(type, async () => source(file), goOn);
}

async function made(type: string, file: Buffer): Promise<Preview> {
  const result = await make(type, file);
  if (typeof result === 'string') throw new Error(`refused: ${result}`);
  return result;
}
