/** A scrape asks the database seldom, once for all, and is not kept by one that hangs; what is not known is not said. */
import { expect, test } from 'vitest';
import { createLookAtStanding } from '../../server/metrics/look-at-standing.ts';
import type { Standing } from '../../server/metrics/standing-metrics.ts';

function begin(read: () => Promise<Standing>) {
  const clock = { ms: 0 };
  const seen: (Standing | 'failed')[] = [];
  const standing = { note: (standing: Standing) => void seen.push(standing), failed: () => void seen.push('failed') };
  return { clock, seen, look: createLookAtStanding({ read, standing, monotonicMs: () => clock.ms }) };
}

test('one question for all who ask at once, and for the next five seconds', async () => {
  let reads = 0;
  const { clock, seen, look } = begin(async () => ({ openUploads: ++reads }));
  await Promise.all(Array.from({ length: 20 }, look));
  clock.ms = 4_999;
  await look();
  expect(seen).toEqual([{ openUploads: 1 }]);
  clock.ms = 5_000;
  await look();
  expect(seen).toEqual([{ openUploads: 1 }, { openUploads: 2 }]);
});

test('a fault is counted, and takes the old numbers away; it is not asked again at once', async () => {
  let reads = 0;
  const { clock, seen, look } = begin(async () => {
    if (++reads > 1) throw new Error('the database is away');
    return { openUploads: 1 };
  });
  await look();
  clock.ms = 6_000;
  await look();
  await look();
  expect(seen).toEqual([{ openUploads: 1 }, 'failed', {}]);
});

test('one that hangs is waited for two seconds, and asked one question only', async () => {
  let reads = 0;
  const { seen, look } = begin(() => {
    reads += 1;
    return new Promise(() => {});
  });
  await Promise.all([look(), look()]);
  expect(reads).toBe(1);
  expect(seen).toEqual(['failed', {}, 'failed', {}]);
});
