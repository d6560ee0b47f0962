/** Names inside an archive: safe wherever it is unpacked, and each once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createArchiveNames } from '../../server/rules/archive-names.ts';

/** For one system or another. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
const HARMFUL = /[/\\:*?"<>|\u0000-\u001f\u202a-\u202e\u2066-\u2069\u200b\ufeff]|^\.|[. ]$|^$|^con(?:\.|$)/i;

test.each([
  ['photo.png', 'photo.png'],
  ['../../etc/passwd', 'passwd'],
  ['..', 'file'],
  ['.', 'file'],
  ['', 'file'],
  ['/', 'file'],
  ['C:\\Windows\\x.exe', 'x.exe'],
  ['C:x.txt', 'C_x.txt'],
  ['a.txt:$DATA', 'a.txt_$DATA'],
  ['con', '_con'],
  ['NUL.txt', '_NUL.txt'],
  ['aux .h.png', '_aux .h.png'],
  ['COM¹.log', '_COM¹.log'],
  ['CONOUT$', '_CONOUT$'],
  ['com10.txt', 'com10.txt'],
  ['invoice\u202Egpj.exe', 'invoicegpj.exe'],
  ['a\u200Bb\uFEFF.txt', 'ab.txt'],
  [`${'x'.repeat(199)} ${'y'.repeat(50)}`, 'x'.repeat(199)],
  [`${'x'.repeat(196)}.bat${'y'.repeat(40)}`, `${'x'.repeat(196)}_bat`],
  [`${'x'.repeat(190)}.js ${'y'.repeat(40)}.z ${'y'.repeat(40)}`, `${'x'.repeat(190)}_js yyyyyy`],
  [`${'語'.repeat(300)}.pdf`, `${'語'.repeat(65)}.pdf`],
  ['console.log', 'console.log'],
  ['a?b*c.txt ', 'a_b_c.txt'],
  ['line\nbreak\0.txt', 'linebreak.txt'],
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
  const folded = createArchiveNames();
  expect(['ΟΔΟΣ.txt', 'οδος.txt', 'οδοσ.txt', 'straße', 'STRASSE', 'ﬁle', 'file', 'İ', 'i\u0307'].map(folded)).toEqual([
    'ΟΔΟΣ.txt',
    'οδος (2).txt',
    'οδοσ (3).txt',
    'straße',
    'STRASSE (2)',
    'ﬁle',
    'file (2)',
    'İ',
    'i\u0307 (2)',
  ]);
});

test('any names: no path, no clash, not too long, and whole characters', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom('a', 'A', 'a (2)', '..', 'ａ', `${'a '.repeat(150)}`, 'con', 'ß', 'SS'),
  );
  fc.assert(
    fc.property(fc.array(name, { maxLength: 20 }), (names) => {
      const made = names.map(createArchiveNames());
      expect(new Set(made.map((one) => one.toUpperCase())).size).toBe(names.length);
      for (const one of made) {
        expect(one).not.toMatch(HARMFUL);
        expect(Buffer.byteLength(one)).toBeLessThan(255);
        expect(one).toBe(Buffer.from(one).toString());
      }
    }),
    { numRuns: 40 },
  );
});
