/** Native libraries become files that nobody else can change; what is there already is believed byte for byte or not at all. */
import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Library } from '../../server/embedded/embedded.ts';
import { unpackFolders } from '../../server/embedded/unpack-folders.ts';
import { unpackLibrary } from '../../server/embedded/unpack-library.ts';

const CONTENTS: Record<string, string> = {
  'addon/lib/addon.node': 'the addon',
  'vips/lib/libvips.so.42': 'what it loads',
};
const HOUR_MS = 3_600_000;
const IS_ROOT = process.getuid?.() === 0;

let place = '';
let parent = '';
beforeEach(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'chatdrop-unpack-'));
  parent = path.join(place, 'cache', 'chatdrop');
});
afterEach(() => rm(place, { recursive: true, force: true }));

describe('unpacking', () => {
  test('puts every file under its path, for this user alone, and says where the addon is', async () => {
    const addon = unpack();
    expect(path.relative(parent, addon)).toMatch(/^sharp-[0-9a-f]{16}\/addon\/lib\/addon\.node$/);
    for (const [file, text] of Object.entries(CONTENTS)) {
      const whole = path.join(folder(), file);
      expect(await readFile(whole, 'utf8')).toBe(text);
      expect((await stat(whole)).mode & 0o777).toBe(0o500);
    }
    for (const each of [parent, folder(), path.join(folder(), 'addon')])
      expect((await stat(each)).mode & 0o777).toBe(0o700);
    expect(await readdir(parent)).toEqual([path.basename(folder())]);
  });

  test('is done once: the second time nothing is written, nor read from the executable', async () => {
    const addon = unpack();
    const before = await stat(addon);
    const again = unpackLibrary(library(), parent, () => {
      throw new Error('read again');
    });
    expect(again).toBe(addon);
    expect((await stat(addon)).ino).toBe(before.ino);
  });

  test('two versions lie side by side', async () => {
    const first = unpack();
    const other = library({ ...CONTENTS, 'addon/lib/addon.node': 'another addon' });
    const second = unpackLibrary(other, parent, (file) =>
      Buffer.from(file.startsWith('addon') ? 'another addon' : 'what it loads'),
    );
    expect(second).not.toBe(first);
    expect([await readFile(first, 'utf8'), await readFile(second, 'utf8')]).toEqual(['the addon', 'another addon']);
  });

  test('of an executable that is damaged leaves nothing', async () => {
    expect(() => unpackLibrary(library(), parent, () => Buffer.from('flipped'))).toThrow('damaged');
    expect(await readdir(parent)).toEqual([]);
  });

  test('clears away what a killed one left long ago, and nothing else', async () => {
    await mkdir(path.join(parent, '.new-old'), { recursive: true, mode: 0o700 });
    await chmod(parent, 0o700);
    await mkdir(path.join(parent, '.new-now'));
    await mkdir(path.join(parent, 'sqlite-of-another-version'));
    const old = new Date(Date.now() - 2 * HOUR_MS);
    await utimes(path.join(parent, '.new-old'), old, old);
    unpack();
    expect((await readdir(parent)).sort()).toEqual(
      ['.new-now', path.basename(folder()), 'sqlite-of-another-version'].sort(),
    );
  });
});

describe('what is there already', () => {
  const spoil: [string, (file: string) => Promise<void>][] = [
    ['with a byte changed', (file) => overwrite(file, 'the bddon')],
    ['cut short', (file) => overwrite(file, '')],
    ['gone', (file) => rm(file)],
    [
      'replaced by a link to the same',
      async (file) => {
        await rename(file, path.join(place, 'elsewhere'));
        await symlink(path.join(place, 'elsewhere'), file);
      },
    ],
    ['in a folder that others may write to', () => chmod(folder(), 0o777)],
    [
      'in a folder that is a link',
      async () => {
        await rename(folder(), path.join(place, 'moved'));
        await symlink(path.join(place, 'moved'), folder());
      },
    ],
    ...(IS_ROOT ? [["another user's", () => chown(folder(), 12_345, 12_345)] as [string, () => Promise<void>]] : []),
  ];

  test.each(spoil)('%s is not loaded: it is unpacked anew', async (_, change) => {
    const addon = unpack();
    await change(addon);
    expect(unpack()).toBe(addon);
    expect(await readFile(addon, 'utf8')).toBe('the addon');
    const now = await stat(folder());
    expect([now.isDirectory(), now.mode & 0o777, now.uid]).toEqual([true, 0o700, process.getuid?.()]);
    expect(await readdir(parent)).toEqual([path.basename(folder())]);
  });
});

describe('a folder is refused, with the reason,', () => {
  test('that others may open', async () => {
    await mkdir(parent, { recursive: true });
    await chmod(parent, 0o755);
    expect(unpack).toThrow(`${parent} is open to other users (chmod 700)`);
    expect(await readdir(parent)).toEqual([]);
  });

  test('below one that others may write to: they could put another in its place', async () => {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await chmod(path.dirname(parent), 0o777);
    expect(unpack).toThrow(`others may write to ${path.dirname(parent)}`);
    expect(await readdir(parent)).toEqual([]);
  });

  test('that belongs to somebody else, or lies below such a one', async () => {
    // Nobody else may give a folder away.
    if (!IS_ROOT) return;
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await chown(parent, 12_345, 12_345);
    expect(unpack).toThrow(`${parent} belongs to another user`);
    await chown(parent, 0, 0);
    await chown(path.dirname(parent), 12_345, 12_345);
    expect(unpack).toThrow(`${path.dirname(parent)}, above it, belongs to another user`);
  });
});

describe('where', () => {
  test('UNPACK_DIR alone counts, or several of it', () => {
    expect(unpackFolders({ UNPACK_DIR: '/one', HOME: '/home/u' }, 'linux')).toEqual(['/one']);
    expect(unpackFolders({ UNPACK_DIR: '/one:/two:' }, 'linux')).toEqual(['/one', '/two']);
  });

  test("else the user's cache, then a folder of the user's own for what is temporary", () => {
    const temporary = path.join(tmpdir(), `chatdrop-${process.geteuid?.()}`);
    expect(unpackFolders({ HOME: '/home/u' }, 'linux')).toEqual(['/home/u/.cache/chatdrop', temporary]);
    expect(unpackFolders({ HOME: '/h', XDG_CACHE_HOME: '/c' }, 'linux')).toEqual(['/c/chatdrop', temporary]);
    expect(unpackFolders({ HOME: '/h', XDG_CACHE_HOME: 'c' }, 'linux')).toEqual(['/h/.cache/chatdrop', temporary]);
    expect(unpackFolders({ HOME: '/Users/u' }, 'darwin')).toEqual(['/Users/u/Library/Caches/chatdrop', temporary]);
  });
});

function unpack(): string {
  return unpackLibrary(library(), parent, (file) => Buffer.from(CONTENTS[file] ?? ''));
}

function folder(): string {
  return path.join(parent, `sharp-${library().sha256.slice(0, 16)}`);
}

function library(contents = CONTENTS): Library {
  const files = Object.entries(contents).map(([file, text]) => ({ path: file, sha256: sha256(text) }));
  return { name: 'sharp', addon: 'addon/lib/addon.node', files, sha256: sha256(JSON.stringify(files)) };
}

async function overwrite(file: string, text: string): Promise<void> {
  await chmod(file, 0o700);
  await writeFile(file, text);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
