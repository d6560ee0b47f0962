/** Has a program of the machine make a picture of a file: the first page of a PDF, a frame of a video, a HEIC as a JPEG. */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ByteSource, bytesOf } from './kept-bytes.ts';
import {
  MAX_COPY_MS,
  MAX_PICTURE_BYTES,
  MAX_RENDER_CPU_SECONDS,
  MAX_RENDER_MEMORY_BYTES,
  MAX_RENDER_MS,
  VIDEO_HEAD_BYTES,
  VIDEO_TAIL_BYTES,
} from './limits.ts';
import { HEIC_OUTPUT, type PreviewPrograms, type ProgramKind, wordsFor } from './preview-programs.ts';
import { type ProgramLimits, runProgram } from './run-program.ts';
import type { Scratch } from './scratch-folder.ts';

/** A stored object. `stream`: both ends inclusive, and only once. */
export type PreviewSource = ByteSource & { stream(first: number, last: number): Readable };

type Needs = { programs: PreviewPrograms; scratch: Scratch; limits?: Partial<ProgramLimits> };

/**
 * @returns the picture, which is worth no more trust than the file, or a reason where there never will be one
 * @throws {ProcessFault} where another try may do · what reading the source throws
 */
export type RenderFirstPicture = (
  kind: ProgramKind,
  mimeType: string,
  source: PreviewSource,
  signal: AbortSignal,
) => Promise<Buffer | string>;

const LIMITS: ProgramLimits = {
  cpuSeconds: MAX_RENDER_CPU_SECONDS,
  wallMs: MAX_RENDER_MS,
  memoryBytes: MAX_RENDER_MEMORY_BYTES,
  outputBytes: MAX_PICTURE_BYTES,
};
/** Of a HEIC with several pictures the first; the others are written beside it, and go with the folder. */
const HEIC_OUTPUTS = [HEIC_OUTPUT, HEIC_OUTPUT.replace('.', '-1.')];

export function createRenderFirstPicture({ programs, scratch, limits: own }: Needs): RenderFirstPicture {
  const limits = { ...LIMITS, ...own };
  return async (kind, mimeType, source, signal) => {
    const program = programs[kind];
    if (program === undefined) return 'there is no program for it';
    const input = await scratch.namelessFile();
    const output = await scratch.namelessFile();
    const { folder, remove } = await scratch.folderToOutput(kind === 'heic' ? HEIC_OUTPUTS : []);
    try {
      await copyInto(input.writer, source, kind, AbortSignal.any([signal, AbortSignal.timeout(MAX_COPY_MS)]));
      const files = { input: input.reader, output: output.writer, folder };
      let reason: string | null = null;
      for (const words of wordsFor(kind, mimeType)) {
        reason = await runProgram({ program, words, ...files, limits, signal });
        if (reason !== null || (await output.reader.stat()).size > 0) break;
      }
      return await pictureIn(output.reader, reason);
    } finally {
      await Promise.all([input.writer, input.reader, output.writer, output.reader].map((end) => end.close()));
      await remove();
    }
  };
}

/** What was written before a fault may be a whole picture: whether it is, who decodes it says. */
async function pictureIn(output: FileHandle, reason: string | null): Promise<Buffer | string> {
  const { size } = await output.stat();
  if (size === 0) return reason ?? 'nothing can be seen in it';
  const picture = Buffer.alloc(Math.min(size, MAX_PICTURE_BYTES));
  const { bytesRead } = await output.read(picture, 0, picture.length, 0);
  return picture.subarray(0, bytesRead);
}

/** A file of the same length; of a long video without its middle, which takes no room and is read as zeros. */
async function copyInto(file: FileHandle, source: PreviewSource, kind: ProgramKind, signal: AbortSignal) {
  const { sizeBytes } = source;
  await file.truncate(sizeBytes);
  if (sizeBytes === 0) return;
  if (kind !== 'video' || sizeBytes <= VIDEO_HEAD_BYTES + VIDEO_TAIL_BYTES)
    return writeAt(file, 0, source.stream(0, sizeBytes - 1), signal);
  const tailAt = sizeBytes - VIDEO_TAIL_BYTES;
  await writeAt(file, 0, Readable.from(bytesOf(source, [{ from: 0, bytes: VIDEO_HEAD_BYTES }])), signal);
  await writeAt(file, tailAt, Readable.from(bytesOf(source, [{ from: tailAt, bytes: VIDEO_TAIL_BYTES }])), signal);
}

/** In place, so that the position at which the program begins to read stays the first. */
async function writeAt(file: FileHandle, position: number, bytes: Readable, signal: AbortSignal): Promise<void> {
  let at = position;
  const write = async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks)
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, at);
        done += bytesWritten;
        at += bytesWritten;
      }
  };
  await pipeline(bytes, write, { signal });
}
