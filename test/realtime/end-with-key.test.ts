/** Sockets end with the key that signed their token: at once, once, and only they; a fault lets none stay. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createKeyWatch } from '../../server/realtime/end-with-key.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Keys = {
  secrets: { name: string }[];
  publicKeys: { name: string }[];
  jwks: { name: string } | undefined;
  serverKeys: boolean;
};
const keysNamed = (names: string[], over: Partial<Keys> = {}): Keys => ({
  ...{ secrets: names.map((name) => ({ name })), publicKeys: [], jwks: undefined, serverKeys: false },
  ...over,
});

function scene() {
  let keys: Keys | null = keysNamed(['old', 'new']);
  let isAway = false;
  let faults = 0;
  const watch = createKeyWatch({
    keysOf: async () => {
      if (isAway) throw new Error('away');
      return keys;
    },
    onFault() {
      faults += 1;
    },
  });
  const ended: string[] = [];
  const open = (signedBy: string, company = 'c') =>
    watch.watch({ company, signedBy }, () => void ended.push(`${company}/${signedBy}`));
  const settled = () => vi.advanceTimersByTimeAsync(1);
  return {
    ended,
    open,
    settled,
    faults: () => faults,
    away(now: boolean) {
      isAway = now;
    },
    async have(now: Keys | null) {
      keys = now;
      watch.check('c');
      await settled();
    },
  };
}

test('a key that is removed ends what it let in, once; what left by itself is let be', async () => {
  const { ended, open, have } = scene();
  open('old');
  open('new');
  open('old', 'other');
  const leave = open('old');
  leave();
  await have(keysNamed(['old', 'new']));
  expect(ended).toEqual([]);
  await have(keysNamed(['new']));
  await have(keysNamed(['new']));
  expect(ended).toEqual(['c/old']);
  await have(null);
  expect(ended).toEqual(['c/old', 'c/new']);
});

test('the server’s key and the set of a company count as their policy says', async () => {
  const { ended, open, have, settled } = scene();
  await have(null);
  open('server');
  await have(keysNamed(['new'], { serverKeys: true }));
  expect(ended).toEqual([]);
  await have(keysNamed(['new'], { jwks: { name: 'https://a.example' } }));
  expect(ended).toEqual(['c/server']);
  open('https://a.example');
  open('https://b.example');
  await settled();
  expect(ended).toEqual(['c/server', 'c/https://b.example']);
});

test('a key that was removed while its token was checked ends it at once', async () => {
  const { ended, open, settled } = scene();
  open('gone');
  await settled();
  expect(ended).toEqual(['c/gone']);
});

test('keys that cannot be read are read again, until they are', async () => {
  const { ended, open, have, away, faults } = scene();
  open('old');
  away(true);
  await have(keysNamed(['new']));
  expect([ended, faults()]).toEqual([[], 1]);
  await vi.advanceTimersByTimeAsync(1500);
  expect([ended, faults()]).toEqual([[], 2]);
  away(false);
  await vi.advanceTimersByTimeAsync(1500);
  expect(ended).toEqual(['c/old']);
});
