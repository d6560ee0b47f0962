/** Sums, the median of what is known by steps, and CSV that no spreadsheet takes for a formula. */
import { expect, test } from 'vitest';
import { CSV_COLUMNS, createSum, csvLine, csvRow, dateOf, dayNumber, medianOf } from '../../server/rules/statistics.ts';

test('the median lies within its step', () => {
  const steps = (...chats: [number | null, number][]) =>
    chats.map(([up_to_seconds, many]) => ({ up_to_seconds, chats: many }));
  expect(medianOf([])).toBe(null);
  expect(medianOf(steps([1, 1]))).toBe(0.5);
  expect(medianOf(steps([1, 1], [30, 2], [null, 1]))).toBe(25);
  expect(medianOf(steps([2, 5], [3, 5]))).toBe(2);
  // More than that is not known of it.
  expect(medianOf(steps([1, 1], [null, 9]))).toBe(86_400);
});

test('a line of CSV has a cell for each column, and names every refusal or counts it with the others', () => {
  const sum = createSum();
  for (const [measure, detail, total, bytes] of [
    ['file', 'image', 2, 30],
    ['file', 'other', 1, 5],
    ['begun', '', 9, 0],
    ['refused', 'encrypted', 3, 0],
    ['refused', 'made-up', 4, 0],
    ['first_file', '10', 1, 0],
  ] as const)
    sum.add({ measure, detail, total, bytes });
  const cells = csvRow(20_000, 'acme', sum.numbers()).trimEnd().split(',');
  expect(cells).toHaveLength(CSV_COLUMNS.length);
  const shown = Object.fromEntries(CSV_COLUMNS.map((name, at) => [name, cells[at]]));
  expect(shown).toMatchObject({ day: '2024-10-04', company_id: 'acme', files: '3', bytes: '35', files_image: '2' });
  expect(shown).toMatchObject({ refused: '7', refused_encrypted: '3', refused_other: '4', uploads_begun: '9' });
  expect(shown).toMatchObject({ first_file_chats: '1', first_file_median_seconds: '8.5' });
  expect(dayNumber(dateOf(20_000))).toBe(20_000);
});

test.each([
  ['=1+1', "'=1+1"],
  ['-a', "'-a"],
  ['+a', "'+a"],
  ['@a', "'@a"],
  ['\ta', "'\ta"],
  ['a"b', '"a""b"'],
  ['a,b', '"a,b"'],
  ['a\nb', '"a\nb"'],
  ['=a,"b"', `"'=a,""b"""`],
  ['acme-1', 'acme-1'],
])('%j is written as %j', (text, cell) => {
  expect(csvLine([text, -5])).toBe(`${cell},-5\r\n`);
});
