/** Names inside an archive: safe wherever it is unpacked, and each once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createArchiveNames } from '../../server/rules/archive-names.ts';

test.each([
  ['photo.png', 'photo.png'],
  ['../../etc/passwd', '_.._etc_passwd'],
  ['..', 'file'],
  ['.', 'file'],
  ['', 'file'],
  ['/', '_'],
  ['C:\\Windows\\x.exe', 'C__Windows_x.exe'],
  ['con', '_con'],
  ['NUL.txt', '_NUL.txt'],
  ['console.log', 'console.log'],
  ['a?b*c.txt ', 'a_b_c.txt'],
  ['line\nbreak\0.txt', 'line_break_.txt'],
  ['e\u0301t\u00e9.pdf', 'été.pdf'],
  ['日本語のファイル.pdf', '日本語のファイル.pdf'],
  ['manifest.json', 'manifest (2).json'],
  ['MANIFEST.JSON', 'MANIFEST (2).JSON'],
])('%j is %j', (name, expected) => {
  expect(createArchiveNames(['manifest.json'])(name)).toBe(expected);
});

test('files of one name are numbered, whatever their case, and also where a number is a name already', () => {
  const nameOf = createArchiveNames();
  expect(['a.png', 'A.png', 'a (3).png', 'a.png', 'a.png', 'b'].map(nameOf)).toEqual([
    'a.png',
    'A (2).png',
    'a (3).png',
    'a (4).png',
    'a (5).png',
    'b',
  ]);
});

test('any names: no path, no clash, not too long, and whole characters', () => {
  const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('a', 'A', 'a (2)', '..', 'ａ'));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 40 }), (names) => {
      const made = names.map(createArchiveNames());
      expect(new Set(made.map((one) => one.toLowerCase())).size).toBe(names.length);
      for (const one of made) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
        expect(one).not.toMatch(/[/\\\u0000-\u001f]|^\.|[. ]$|^$/);
        expect(Buffer.byteLength(one)).toBeLessThan(255);
        expect(one).toBe(Buffer.from(one).toString());
      }
    }),
  );
});
