/** Rows as Django's databases and exports write them are read; what cannot be a file here is named, and nothing throws. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readSourceRow } from '../../server/rules/source-row.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const ROW = {
  id: 7,
  company_id: 'COMP_123',
  session_id: 'session_456',
  uploader: 'user',
  file: 'chat/COMP_123/session_456/document.pdf',
  original_name: 'document.pdf',
  size: 12_345,
  created_at: '2025-09-04 12:34:56.789012',
};
const read = (over: Record<string, unknown> = {}) => readSourceRow({ ...ROW, ...over }, NOW);
const rowOf = (over: Record<string, unknown> = {}) => {
  const found = read(over);
  if (!('row' in found)) throw new Error(found.fault.detail);
  return found.row;
};

test('as a database gives it, or all as text, as CSV does', () => {
  const row = {
    sourceId: '7',
    id: 7,
    company: 'COMP_123',
    session: 'session_456',
    uploader: 'user',
    path: 'chat/COMP_123/session_456/document.pdf',
    name: 'document.pdf',
    statedBytes: 12_345,
    createdAt: Date.parse('2025-09-04T12:34:56.789Z'),
  };
  expect(rowOf()).toEqual(row);
  expect(rowOf({ id: '7', size: '12345' })).toEqual(row);
  expect(rowOf({ id: 7n, size: 12_345n })).toEqual(row);
});

test.each([
  ['2025-09-04T12:34:56.789Z', '2025-09-04T12:34:56.789Z'],
  ['2025-09-04 12:34:56', '2025-09-04T12:34:56.000Z'],
  ['2025-09-04 12:34:56.789012+00', '2025-09-04T12:34:56.789Z'],
  ['2025-09-04 12:34:56+05:30', '2025-09-04T07:04:56.000Z'],
  ['2025-09-04 12:34:56-0330', '2025-09-04T16:04:56.000Z'],
  ['2025-09-04T12:34', '2025-09-04T12:34:00.000Z'],
  // Nothing is shared in the future.
  ['2999-01-01 00:00:00', '2026-11-28T12:00:00.000Z'],
])('a time, with a zone or without: %s', (written, meant) => {
  expect(new Date(rowOf({ created_at: written }).createdAt).toISOString()).toBe(meant);
});

test('a name is cleaned as an upload’s is, and taken from the path where there is none', () => {
  expect(rowOf({ original_name: '..\\..\\Vertrag\u202E.pdf' }).name).toBe('Vertrag.pdf');
  for (const original_name of ['', null, undefined]) expect(rowOf({ original_name }).name).toBe('document.pdf');
});

test('an id that is no whole number is known by its text, and a size that is none is not known', () => {
  const id = 'c0ffee00-0000-4000-8000-000000000000';
  expect(rowOf({ id })).toMatchObject({ sourceId: id, id: null });
  expect(rowOf({ id: '99999999999999999999' })).toMatchObject({ id: null });
  for (const size of [null, '', 'much', -1, 1.5]) expect(rowOf({ size }).statedBytes).toBeNull();
});

describe('what is no file here', () => {
  test.each([
    [{ uploader: 'admin' }, 'invalid-row', 'its uploader cannot be read'],
    [{ file: '', id: null }, 'invalid-row', 'its id, file cannot be read'],
    [{ created_at: 'yesterday' }, 'invalid-row', 'its created_at is no time'],
    [{ created_at: '2025-13-45 99:00:00' }, 'invalid-row', 'its created_at is no time'],
    [{ company_id: 'a b' }, 'invalid-id', 'company_id "a b" is not 1 to 64 of A-Z a-z 0-9 _ -'],
    [{ session_id: '../x' }, 'invalid-id', 'session_id "../x" is not 1 to 64 of A-Z a-z 0-9 _ -'],
    [{ session_id: '' }, 'invalid-id', 'session_id "" is not 1 to 64 of A-Z a-z 0-9 _ -'],
  ])('%o', (over, code, detail) => {
    expect(read(over)).toMatchObject({ fault: { code, detail } });
  });

  test('nor is anything else, and nothing throws', () => {
    expect(readSourceRow({ id: { toString: '' } }, NOW)).toMatchObject({ fault: { code: 'invalid-row' } });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(ROW)), fc.anything()), (raw) => {
        const found = readSourceRow(raw, NOW);
        expect('fault' in found || found.row.createdAt <= NOW).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
