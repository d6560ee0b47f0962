/**
 * Makes previews, and pictures smaller, in a process of their own, one at a time; keeps that process while there is work, and
 * replaces it when it fails. What that process does not know is first made a picture of by a program of the machine.
 */
import { Readable } from 'node:stream';
import { type PreviewKind, previewKindOf } from '../rules/preview-types.ts';
import { MAX_IDLE_MS, MAX_PICTURES_A_PROCESS } from './limits.ts';
import type { WorkerRequest } from './preview-answer.ts';
import { NoDecoder } from './preview-faults.ts';
import { type Exchanged, type PreviewProcess, startPreviewProcess } from './preview-process.ts';
import type { PreviewPrograms, ProgramKind } from './preview-programs.ts';
import { createRenderFirstPicture, type PreviewSource } from './render-first-picture.ts';
import type { Scratch } from './scratch-folder.ts';

export type Preview = {
  /** WebP, without metadata. */
  thumbnail: Buffer;
  /** Of the picture, as it is shown; of a PDF, those of the thumbnail. */
  width: number;
  height: number;
  /** thumbhash, base64. */
  placeholder: string;
};

type Needs = { programs: PreviewPrograms; scratch: Scratch };
type Picture = Pick<PreviewSource, 'sizeBytes' | 'stream'>;
type Open = () => Promise<PreviewSource & { close(): Promise<void> }>;
export type Smaller = { maxSidePx: number; keepsMetadata: boolean };

export type PreviewMaker = {
  /** What there is a decoder for here. */
  kinds: readonly PreviewKind[];
  /**
   * @returns a reason where there will never be a preview of this file
   * @throws {NoDecoder} · {ProcessFault} where another try may do · what `open` throws
   */
  make(mimeType: string, open: Open, signal: AbortSignal): Promise<Preview | string>;
  /** The same picture in fewer bytes, or why there are not fewer. @throws as `make` */
  compress(open: Open, wanted: Smaller, signal: AbortSignal): Promise<Buffer | string>;
  /** Removes what an earlier process left behind. */
  cleanUp(): Promise<void>;
  /** Ends the process. It can be used again. */
  rest(): void;
};

export function createPreviewMaker({ programs, scratch }: Needs): PreviewMaker {
  const renderFirstPicture = createRenderFirstPicture({ programs, scratch });
  let current: PreviewProcess | null = null;
  let made = 0;
  let idle: NodeJS.Timeout | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  const rest = () => {
    clearTimeout(idle);
    current?.kill();
    current = null;
  };
  const running = (): PreviewProcess => {
    clearTimeout(idle);
    if (current !== null && (current.hasEnded || made >= MAX_PICTURES_A_PROCESS)) rest();
    if (current !== null) return current;
    made = 0;
    current = startPreviewProcess();
    return current;
  };
  const exchange = async (wanted: WorkerRequest, source: Picture, signal: AbortSignal): Promise<Exchanged> => {
    try {
      const process = running();
      const first = await process.ready();
      if (first.is === 'unavailable') throw new NoDecoder(first.reason);
      made += 1;
      const { sizeBytes } = source;
      return await process.exchange(wanted, source.stream(0, Math.max(0, sizeBytes - 1)), sizeBytes, signal);
    } catch (error) {
      rest();
      throw error;
    } finally {
      idle = setTimeout(rest, MAX_IDLE_MS);
      idle.unref();
    }
  };
  /** Who makes previews and who finishes uploads come one after the other. */
  const inTurn = (wanted: WorkerRequest, source: Picture, signal: AbortSignal): Promise<Exchanged> => {
    const mine = turn.then(() => exchange(wanted, source, signal));
    turn = mine.catch(() => {});
    return mine;
  };
  const pictureOf = async (mimeType: string, source: PreviewSource, signal: AbortSignal) => {
    const kind = previewKindOf(mimeType);
    if (kind === null || kind === 'picture') return source;
    if (programs[kind] === undefined) throw new NoDecoder(`there is no program for ${mimeType}`);
    const picture = await renderFirstPicture(kind, mimeType, source, signal);
    return typeof picture === 'string' ? picture : sourceOf(picture);
  };
  return {
    kinds: ['picture', ...(Object.keys(programs) as ProgramKind[])],
    make: (mimeType, open, signal) =>
      withSource(open, async (source) => {
        const picture = await pictureOf(mimeType, source, signal);
        if (typeof picture === 'string') return picture;
        // The programs have turned it already.
        const { answer, bytes } = await inTurn({ do: 'preview', isUpright: picture !== source }, picture, signal);
        if (answer.is === 'refused') return answer.reason;
        if (answer.is !== 'made') throw new Error(`the decoding process answered ${answer.is}`);
        const { width, height, placeholder } = answer;
        return { thumbnail: bytes, width, height, placeholder };
      }),
    compress: (open, wanted, signal) =>
      withSource(open, async (source) => {
        const { answer, bytes } = await inTurn({ do: 'compress', ...wanted }, source, signal);
        if (answer.is === 'refused') return answer.reason;
        if (answer.is !== 'compressed') throw new Error(`the decoding process answered ${answer.is}`);
        return bytes;
      }),
    cleanUp: scratch.empty,
    rest,
  };
}

async function withSource<T>(open: Open, work: (source: PreviewSource) => Promise<T>): Promise<T> {
  const source = await open();
  try {
    return await work(source);
  } finally {
    await source.close().catch(() => {});
  }
}

function sourceOf(bytes: Buffer): Picture {
  return {
    sizeBytes: bytes.length,
    stream: (first, last) => Readable.from(bytes.length === 0 ? [] : [bytes.subarray(first, last + 1)]),
  };
}
