/** The line before the scanner: so many at once, so many behind them, each in its turn. */
import { expect, test } from 'vitest';
import { createLimitedScanner } from '../../server/scan/limited-scanner.ts';
import type { Scanner, ScanSubject, Verdict } from '../../server/scan/scanner.ts';

const CLEAN: Verdict = { is: 'clean' };
const never = new AbortController().signal;

/** Each scan ends when the test says so. */
function manualScanner() {
  const started: string[] = [];
  const ends = new Map<string, { resolve(verdict: Verdict): void; reject(error: Error): void }>();
  const scanner: Scanner = {
    scan: (subject) =>
      new Promise((resolve, reject) => {
        started.push(nameOf(subject));
        ends.set(nameOf(subject), { resolve, reject });
      }),
  };
  return { scanner, started, end: (name: string) => ends.get(name) };
}

const subjects = new Map<ScanSubject, string>();
const nameOf = (subject: ScanSubject) => subjects.get(subject) ?? '';
function subject(name: string): ScanSubject {
  const made: ScanSubject = { sizeBytes: 0, open: async () => (async function* () {})() };
  subjects.set(made, name);
  return made;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('so many at once, the others in the order in which they came; a fault gives its place on too', async () => {
  const { scanner, started, end } = manualScanner();
  const limited = createLimitedScanner(scanner, { maxAtOnce: 2, maxWaiting: 10 });
  const all = ['a', 'b', 'c', 'd'].map((name) => limited.scan(subject(name), never));
  const outcomes = Promise.allSettled(all);
  await settle();
  expect(started).toEqual(['a', 'b']);
  end('b')?.reject(new Error('hung up'));
  await settle();
  expect(started).toEqual(['a', 'b', 'c']);
  end('a')?.resolve(CLEAN);
  await settle();
  end('c')?.resolve(CLEAN);
  end('d')?.resolve(CLEAN);
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  // All places are free again.
  void limited.scan(subject('e'), never);
  void limited.scan(subject('f'), never);
  await settle();
  expect(started.slice(4)).toEqual(['e', 'f']);
});

test('one more than there is room for is told to come back, and holds up nobody', async () => {
  const { scanner, started, end } = manualScanner();
  const limited = createLimitedScanner(scanner, { maxAtOnce: 1, maxWaiting: 1 });
  const first = limited.scan(subject('a'), never);
  const second = limited.scan(subject('b'), never);
  await expect(limited.scan(subject('c'), never)).rejects.toMatchObject({
    code: 'scanner-unavailable',
    retryAfterSeconds: 5,
  });
  await settle();
  end('a')?.resolve(CLEAN);
  await first;
  await settle();
  end('b')?.resolve(CLEAN);
  expect(await second).toEqual(CLEAN);
  expect(started).toEqual(['a', 'b']);
});

test('who waits and is stopped leaves the line', async () => {
  const { scanner, started, end } = manualScanner();
  const limited = createLimitedScanner(scanner, { maxAtOnce: 1, maxWaiting: 5 });
  const stop = new AbortController();
  const first = limited.scan(subject('a'), never);
  const second = limited.scan(subject('b'), stop.signal);
  const third = limited.scan(subject('c'), never);
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: 'scanner-unavailable' });
  await expect(limited.scan(subject('d'), stop.signal)).rejects.toMatchObject({ code: 'scanner-unavailable' });
  end('a')?.resolve(CLEAN);
  await first;
  await settle();
  end('c')?.resolve(CLEAN);
  await third;
  expect(started).toEqual(['a', 'c']);
});
