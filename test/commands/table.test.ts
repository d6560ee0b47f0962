/** Columns line up, and no cell can steer the terminal. */
import { expect, test } from 'vitest';
import { table } from '../../server/commands/table.ts';

test('columns are as wide as their widest cell', () => {
  const rows = [
    ['1', 'a'],
    ['100', ''],
  ];
  expect(table(['ID', 'NAME'], rows)).toBe('ID   NAME\n1    a\n100\n');
});

test.each([
  ['\u001B[2J', '\\u{1b}[2J'],
  ['a\r\nb', 'a\\u{d}\\u{a}b'],
  ['\u009B31m', '\\u{9b}31m'],
  ['\u202Egnp', '\\u{202e}gnp'],
  ['\u2028', '\\u{2028}'],
  ['名前 é 🎉', '名前 é 🎉'],
])('%j is shown as %j', (cell, shown) => {
  expect(table(['X'], [[cell]])).toBe(`X\n${shown}\n`);
});
