/** Cards of uploads on their way make room for their file, also where that became smaller as its metadata was taken out. */
import { expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { createIncoming } from '../../widget/core/incoming.ts';

test.each<[string, Partial<ChatFile>, string[]]>([
  ['a picture that lost a little', { mime_type: 'image/jpeg', size: 900 }, ['b']],
  ['a picture of exactly that size', { mime_type: 'image/jpeg', size: 2000 }, ['a']],
  ['a picture that is larger than both', { mime_type: 'image/jpeg', size: 3000 }, ['a', 'b']],
  ['a text that is smaller', { mime_type: 'text/plain', size: 900 }, ['a', 'b']],
])('%s', (_what, file, left) => {
  const incoming = createIncoming();
  const common = { company_id: 'c', session_id: 's', uploader: 'user', name: 'image.jpg', state: 'uploading' } as const;
  for (const [upload_id, size, offset] of [
    ['a', 1000, 1000],
    ['b', 2000, 500],
  ] as const)
    incoming.onProgress({ type: 'upload_progress', upload_id, size, offset, ...common });
  incoming.onShared({ uploader: 'user', name: 'image.jpg', ...file } as ChatFile);
  expect(incoming.uploads.get().map(({ id }) => id)).toEqual(left);
  incoming.destroy();
});
