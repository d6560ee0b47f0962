/** Takes a body into the bucket: how it ended decides what of it counts. */
import type { Readable } from 'node:stream';
import type { AppendOptions, AppendResult } from './file-storage.ts';
import { chunkFreer } from './free-chunks.ts';
import type { MemoryShare } from './memory-share.ts';
import { createPartMemory } from './part-memory.ts';
import { pumpBody } from './pump-body.ts';
import { overtaken } from './s3-tally.ts';
import type { S3Uploads } from './s3-uploads.ts';
import { S3Writer, type S3WriterNeeds } from './s3-writer.ts';

type Needs = Omit<S3WriterNeeds, 'heldBytes' | 'place' | 'memory'> & { uploads: S3Uploads; share: MemoryShare };

export function createS3Append(needs: Needs) {
  return async (id: string, offset: number, body: Readable, options: AppendOptions): Promise<AppendResult> => {
    const upload = await needs.uploads.find(id);
    if (upload === null) throw new Error(`there is no place for the upload ${id}`);
    if (upload.offset !== offset) throw overtaken();
    const leave = needs.share.enter();
    const memory = createPartMemory(chunkFreer(body));
    try {
      // What waits and what is on its way: two shares.
      const heldBytes = () => needs.share.heldBytes() / 2;
      const { verify, place = async () => null } = options;
      const writer = new S3Writer({ ...needs, heldBytes, place, memory }, upload, verify !== undefined);
      const pump = () =>
        pumpBody(body, options, async (batch, bytes) => {
          await options.inspect?.(batch, writer.position());
          await writer.write(batch, bytes);
        });
      return await (verify === undefined
        ? appendBody(writer, offset, pump)
        : appendVerified(writer, offset, pump, verify));
    } finally {
      memory.end();
      leave();
    }
  };
}

type Pump = () => ReturnType<typeof pumpBody>;

async function appendBody(writer: S3Writer, offset: number, pump: Pump): Promise<AppendResult> {
  try {
    const end = await pump();
    if (end !== 'too-long') return { offset: await writer.settle(), end };
    await writer.takeBack();
    return { offset, end };
  } catch (error) {
    // Whatever went wrong, what came before it counts; the first fault is the one that is told.
    await writer.settle().catch(() => {});
    throw error;
  }
}

async function appendVerified(
  writer: S3Writer,
  offset: number,
  pump: Pump,
  verify: NonNullable<AppendOptions['verify']>,
): Promise<AppendResult> {
  try {
    const end = await pump();
    if (end === 'complete') {
      await verify();
      return { offset: await writer.settle(), end };
    }
    await writer.takeBack();
    return { offset, end };
  } catch (error) {
    await writer.takeBack().catch(() => {});
    throw error;
  }
}
