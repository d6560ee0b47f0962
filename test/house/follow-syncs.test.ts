/** The bench's look at the system calls finds an answer that left too early, whichever wait is missing. */
import { describe, expect, test } from 'vitest';
import { followSyncs } from '../bench/speed/follow-syncs.ts';

const FILE = '/d/media/chat/a';
const LOG = '/d/chatdrop.sqlite-wal';
const SIZE = 25_003;
const CREATED = `7 openat(AT_FDCWD</d>, "${FILE}", O_WRONLY|O_CREAT|O_EXCL, 0600) = 9<${FILE}>`;
const WRITE_BEGINS = `7 pwritev(9<${FILE}>, [{iov_base="\\211PNG = 3", iov_len=${SIZE}}], 1, 0 <unfinished ...>`;
const WRITE_ENDS = `7 <... pwritev resumed>) = ${SIZE}`;
const SYNC = `8 fdatasync(9<${FILE}>) = 0`;
const FOLDER_SYNC = '8 fsync(10</d/media/chat>) = 0';
const LOG_WRITE = `5 pwrite64(4<${LOG}>, "x", 4096, 32) = 4096`;
const COMMIT = `5 fdatasync(4<${LOG}>) = 0`;
const ANSWER = `5 writev(20<socket:[11]>, [{iov_base="HTTP/1.1 201 Created\\r\\nUpload-Offset: ${SIZE}\\r\\n", iov_len=60}], 1) = 60`;
const GOOD = [CREATED, WRITE_BEGINS, WRITE_ENDS, SYNC, FOLDER_SYNC, LOG_WRITE, COMMIT, ANSWER];
const follow = (lines: string[]) => followSyncs(lines, (offset) => offset === SIZE);
const without = (left: string) => follow(GOOD.filter((line) => line !== left)).faults;
const faultOf = (what: string) => `201, offset ${SIZE}: ${what}`;

describe('an answer', () => {
  test('after all that it promises has no fault, and each sync is counted by what it was of', () => {
    const { answers, faults, syncs } = follow(GOOD);
    expect(faults).toEqual([]);
    expect(answers).toEqual([{ status: 201, offset: SIZE }]);
    expect(syncs).toEqual({ bytes: 1, folder: 1, commit: 1, database: 0 });
  });

  test('without one of the waits is found', () => {
    expect(without(SYNC)).toEqual([faultOf('its bytes are not on the disk')]);
    expect(without(FOLDER_SYNC)).toEqual([faultOf('its folder is not on the disk')]);
    expect(without(COMMIT)).toEqual([
      faultOf('a commit is not on the disk'),
      faultOf('nothing was committed after its bytes'),
    ]);
    expect(follow([SYNC, ANSWER]).faults).toContain(faultOf('no file has so many bytes'));
  });

  test('after a sync that began before the last write had ended is found', () => {
    const early = [CREATED, WRITE_BEGINS, `8 fdatasync(9<${FILE}> <unfinished ...>`, WRITE_ENDS];
    const late = ['8 <... fdatasync resumed>) = 0', FOLDER_SYNC, LOG_WRITE, COMMIT, ANSWER];
    expect(follow([...early, ...late]).faults).toEqual([faultOf('its bytes are not on the disk')]);
  });

  test('after a sync that failed, or after a rename that no sync of the folder followed, is found', () => {
    expect(follow(GOOD.map((line) => (line === SYNC ? SYNC.replace('= 0', '= -1 EIO (error)') : line))).faults).toEqual(
      [faultOf('its bytes are not on the disk')],
    );
    const moved = [`6 rename("${FILE}", "/d/media/chat/b") = 0`, ANSWER];
    expect(follow([...GOOD.slice(0, -1), ...moved]).faults).toEqual([faultOf('its folder is not on the disk')]);
  });

  test('that counts a part of a file needs no row of its own', () => {
    const { faults } = followSyncs([CREATED, WRITE_BEGINS, WRITE_ENDS, SYNC, ANSWER], () => false);
    expect(faults).toEqual([]);
  });
});

test('a commit that several answers wait for is seen', () => {
  const second = GOOD.map((line) => line.replaceAll(FILE, `${FILE}2`).replaceAll(String(SIZE), '25004'));
  const lines = [
    ...GOOD.slice(0, 5),
    ...second.slice(0, 5),
    LOG_WRITE,
    COMMIT,
    ANSWER,
    second.at(-1) ?? '',
    LOG_WRITE,
    COMMIT,
  ];
  const { faults, sharedCommits } = followSyncs(lines, (offset) => offset >= SIZE);
  expect([faults, sharedCommits]).toEqual([[], 1]);
});
