/** What a process has just created is taken from memory once, and only as long as nobody else has named it. */
import { expect, test } from 'vitest';
import { freshRecord } from '../../server/database/upload-table.ts';
import { createFreshUploads, NO_FRESH_UPLOADS } from '../../server/upload/fresh-uploads.ts';

let time = 1;
const now = () => time;

const upload = (id: string) =>
  freshRecord({
    ...{ id, company: 'c', session: 's', uploader: 'user', subject: null, name: 'a', declaredType: null },
    ...{ sizeBytes: 3, reservedBytes: 3, metadata: null, fileKey: null, sha256: null, oneRequest: false, concat: null },
    ...{ holder: null, createdAt: 1, expiresAt: 2 },
  });

test('the first request that names it has it, and it is untouched as long as that is the only one', () => {
  const uploads = createFreshUploads(now);
  const [alone, shared] = [upload('alone'), upload('shared')];
  uploads.note(alone);
  uploads.note(shared);
  const fresh = uploads.named('alone');
  expect([fresh?.upload, fresh?.isUntouched()]).toEqual([alone, true]);
  // It is forgotten with that: what comes now finds what has become of it.
  expect([uploads.named('alone'), fresh?.isUntouched(), uploads.named('never')]).toEqual([null, false, null]);

  const first = uploads.named('shared');
  expect([first?.upload, uploads.named('shared'), first?.isUntouched(), uploads.named('shared')]).toEqual([
    ...[shared, null, false, null],
  ]);
});

test('what is pushed out is not known to be untouched any more; without a memory nothing is', () => {
  const uploads = createFreshUploads(now, 2);
  uploads.note(upload('a'));
  const first = uploads.named('a');
  uploads.note(upload('b'));
  uploads.note(upload('c'));
  expect([first?.isUntouched(), uploads.named('a')]).toEqual([false, null]);
  expect(uploads.named('b')?.isUntouched()).toBe(true);
  NO_FRESH_UPLOADS.note(upload('d'));
  expect(NO_FRESH_UPLOADS.named('d')).toBeNull();
});

test('what was created some time ago is looked up', () => {
  const uploads = createFreshUploads(now);
  uploads.note(upload('slow'));
  uploads.note(upload('gone'));
  time = 10_001;
  const slow = uploads.named('slow');
  time = 10_002;
  expect([uploads.named('gone'), slow?.isUntouched()]).toEqual([null, true]);
});
