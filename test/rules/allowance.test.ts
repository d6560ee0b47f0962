/** What may be on its way and stored: each bound is met exactly, and its refusal says what to do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Allowance, bytesToReserve, checkMoreBytes, checkNewUpload } from '../../server/rules/allowance.ts';
import { Failure } from '../../server/rules/failure.ts';

const MB = 1024 * 1024;
const ALLOWANCE: Allowance = {
  maxPendingUploads: 3,
  maxFiles: 10,
  maxPendingBytes: 10 * MB,
  companyQuotaBytes: 100 * MB,
  bytesPerDay: 50 * MB,
};
const FULL = { files: 7, pendingUploads: 3, pendingBytes: 10 * MB, companyBytes: 100 * MB, dayBytes: 50 * MB };

describe('a bound', () => {
  test.each([
    ['all of them met exactly', {}, null, null],
    ['one upload more', { pendingUploads: 4 }, ['rate-limited', '3 unfinished uploads'], null],
    ['one file more', { files: 8 }, ['quota-exceeded', '10 files from this side'], null],
    ['one pending byte more', { pendingBytes: 10 * MB + 1 }, ['rate-limited', '10 MB together'], 'same'],
    ['one byte of the company more', { companyBytes: 100 * MB + 1 }, ['quota-exceeded', '100 MB'], 'same'],
    ['one byte of the day more', { dayBytes: 50 * MB + 1 }, ['quota-exceeded', '50 MB a day'], 'same'],
    [
      'several',
      { pendingUploads: 9, companyBytes: 101 * MB },
      ['rate-limited', 'unfinished'],
      ['quota-exceeded', '100 MB'],
    ],
  ])('%s', (_name, over, forNew, forMore) => {
    const standing = { ...FULL, ...over };
    expect(faultOf(() => checkNewUpload(standing, ALLOWANCE))).toEqual(matching(forNew));
    expect(faultOf(() => checkMoreBytes(standing, ALLOWANCE))).toEqual(matching(forMore === 'same' ? forNew : forMore));
  });

  test('of a company is off where none is set', () => {
    const unbound = { ...ALLOWANCE, companyQuotaBytes: undefined, bytesPerDay: undefined };
    const much = { companyBytes: Number.MAX_SAFE_INTEGER, dayBytes: Number.MAX_SAFE_INTEGER };
    expect(() => checkNewUpload({ ...FULL, ...much }, unbound)).not.toThrow();
  });

  test('that ends with somebody’s uploads says when to ask again; one that needs people does not', () => {
    expect(faultOf(() => checkNewUpload({ ...FULL, pendingUploads: 4 }, ALLOWANCE))?.retryAfterSeconds).toBe(60);
    expect(
      faultOf(() => checkMoreBytes({ ...FULL, companyBytes: 101 * MB }, ALLOWANCE))?.retryAfterSeconds,
    ).toBeUndefined();
  });
});

describe('what is reserved', () => {
  test.each([
    ['a declared length', 5, 0, 25 * MB, 5],
    ['an empty file', 0, 0, 25 * MB, 0],
    ['a length to come', null, 0, 25 * MB, MB],
    ['where files are smaller than a step', null, 0, 1000, 1000],
    ['what has arrived, and a step', null, 3 * MB, 25 * MB, 4 * MB],
    ['never more than a file may have', null, 25 * MB - 5, 25 * MB, 25 * MB],
    ['large steps for much', null, 80 * MB, 1024 * MB, 90 * MB],
    ['a byte too much, which is refused elsewhere', null, 1001, 1000, 1001],
  ])('%s', (_name, size, arrived, max, reserved) => {
    expect(bytesToReserve(size, arrived, max)).toBe(reserved);
  });

  test('of a length to come covers what has arrived, and grows in few steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (maxBytes) => {
        let steps = 0;
        for (let arrived = 0; arrived < maxBytes; steps += 1) {
          const reserved = bytesToReserve(null, arrived, maxBytes);
          expect(reserved > arrived && reserved <= maxBytes && Number.isSafeInteger(reserved)).toBe(true);
          arrived = reserved;
        }
        expect(steps).toBeLessThan(150);
      }),
    );
  });
});

function faultOf(check: () => void): Failure | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function matching(fault: unknown): unknown {
  if (!Array.isArray(fault)) return null;
  return expect.objectContaining({ code: fault[0], message: expect.stringContaining(String(fault[1])) });
}
