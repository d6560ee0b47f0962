/** A scan that lasts longer than a lease: the lease is renewed, and where it is lost the scan ends. */
import { expect, test } from 'vitest';
import type { UploadRecord } from '../../server/database/upload-table.ts';
import { Failure } from '../../server/rules/failure.ts';
import type { ScanResult } from '../../server/sharing/scan-object.ts';
import { createScanUpload } from '../../server/sharing/scan-upload.ts';
import { eventually } from '../services/eventually.ts';

const LEASE_MS = 50;
const LEASE = { token: 'process.try', untilMs: 0 };
const UPLOAD = { id: 'u', sizeBytes: 10, lastError: null } as UploadRecord;

test('renewed as long as the scan lasts, and not after it', async () => {
  const { scanUpload, end, renewals } = open(async () => true);
  const scanning = scanUpload(UPLOAD, 'key', LEASE);
  await eventually('it is renewed', () => renewals.length >= 3);
  expect(renewals.every(({ id, token, leftMs }) => id === 'u' && token === LEASE.token && leftMs === LEASE_MS)).toBe(
    true,
  );
  end({ is: 'clean', sha256: 'abc' });
  expect(await scanning).toBe('abc');
  const { length } = renewals;
  await new Promise((resolve) => setTimeout(resolve, 3 * LEASE_MS));
  expect(renewals).toHaveLength(length);
});

test('a database that is away for a moment ends nothing; a lease that is another’s ends the scan', async () => {
  let asked = 0;
  const { scanUpload, states } = open(async () => {
    asked += 1;
    if (asked < 3) throw new Error('away');
    return false;
  });
  await expect(scanUpload(UPLOAD, 'key', LEASE)).rejects.toMatchObject({ code: 'scanner-unavailable' });
  expect(asked).toBe(3);
  expect(states).toEqual(['checking', 'error']);
});

test('others hear once that it is checked: not again after a fault', async () => {
  const { scanUpload, end, states } = open(async () => true);
  const scanning = scanUpload({ ...UPLOAD, lastError: 'The virus scanner is away.' }, 'key', LEASE);
  end({ is: 'unscannable', why: 'encrypted' });
  await expect(scanning).rejects.toMatchObject({ code: 'unscannable' });
  expect(states).toEqual([]);
});

/** A scan that ends when it is told to, or when it is stopped. */
function open(renew: () => Promise<boolean>) {
  const renewals: { id: string; token: string; leftMs: number }[] = [];
  const states: string[] = [];
  const result = Promise.withResolvers<ScanResult>();
  const scanUpload = createScanUpload({
    isRequired: async () => true,
    findKnownBad: async () => null,
    scanObject: (_key, _sizeBytes, signal) => {
      signal.addEventListener('abort', () => result.reject(new Failure('scanner-unavailable')));
      return result.promise;
    },
    uploads: {
      async renewLease(id, { token, untilMs }) {
        renewals.push({ id, token, leftMs: untilMs - 1000 });
        return renew();
      },
    },
    noteInfected: async () => {},
    report: (_upload, _offset, state) => void states.push(state),
    stopping: new AbortController().signal,
    leaseMs: LEASE_MS,
    now: () => 1000,
  });
  return { scanUpload, end: result.resolve, renewals, states };
}
