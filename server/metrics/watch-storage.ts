/** A storage whose work is watched, and whose bytes are counted as they come. */
import type { Watch } from '../rules/watch.ts';
import type { AppendOptions, FileStorage } from '../storage/file-storage.ts';
import type { UploadMetrics } from './upload-metrics.ts';

type Needs = { watch: Watch; uploads: Pick<UploadMetrics, 'bodyBegan' | 'received'> };

/** Lists are not watched: who goes through one takes their time between two entries. */
export function watchStorage(storage: FileStorage, { watch, uploads }: Needs): FileStorage {
  const watched = <A extends unknown[], T>(operation: string, call: (...args: A) => Promise<T>) => {
    return (...args: A): Promise<T> => watch('storage', operation, () => call(...args));
  };
  const counted = (options: AppendOptions): AppendOptions => ({
    ...options,
    inspect(chunks, offset) {
      for (const { length } of chunks) uploads.received(length);
      return options.inspect?.(chunks, offset);
    },
  });
  return {
    ...storage,
    create: watched('create', storage.create),
    append(uploadId, offset, body, options) {
      const ended = uploads.bodyBegan();
      const work = () => storage.append(uploadId, offset, body, counted(options));
      return watch('storage', 'append', work).finally(ended);
    },
    offsetOf: watched('offsetOf', storage.offsetOf),
    readIncoming: watched('readIncoming', storage.readIncoming),
    join: watched('join', storage.join),
    makeFinal: watched('makeFinal', storage.makeFinal),
    put: watched('put', storage.put),
    putWhole: watched('putWhole', storage.putWhole),
    discard: watched('discard', storage.discard),
    open: watched('open', storage.open),
    remove: watched('remove', storage.remove),
    check: watched('check', storage.check),
  };
}
