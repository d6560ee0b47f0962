/** Names are made harmless and stay readable. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanFileName, extensionOf } from '../../server/rules/file-name.ts';
import { noise } from './sample-files.ts';

describe('cleanFileName', () => {
  it.each([
    ['a plain name', 'report.pdf', 'report.pdf'],
    ['a path', '../../etc/passwd', 'passwd'],
    ['a Windows path', 'C:\\Users\\me\\notes.txt', 'notes.txt'],
    ['a folder', 'photos/', 'photos'],
    ['mixed separators', 'a\\../b/..\\c.png', 'c.png'],
    ['nothing', '', 'file'],
    ['only dots', '..', 'file'],
    ['only spaces and dots', ' . .. ', 'file'],
    ['only a path', '../..', 'file'],
    ['only invisible characters', '\u200B\u202E\u0000\uFEFF', 'file'],
    ['a hidden file', '.gitignore', 'gitignore'],
    ['dots and spaces at the ends', ' .. report.pdf. . ', 'report.pdf'],
    ['control characters', 'a\u0000b\nc\td\u007Fe\u0085f.txt', 'abcdef.txt'],
    ['a right-to-left override', 'invoice\u202Egpj.exe', 'invoicegpj.exe'],
    ['isolates and marks', '\u2066a\u2069\u200Eb\u200F\u061C.txt', 'ab.txt'],
    ['zero-width characters', 'a\u200Bb\u2060c\uFEFFd\u00ADe.txt', 'abcde.txt'],
    ['a joiner between letters', 'a\u200Db\u200Cc.txt', 'abc.txt'],
    ['line and paragraph separators', 'a\u2028b\u2029c.txt', 'abc.txt'],
    ['lone surrogates', 'a\uD800b\uDC00c.txt', 'abc.txt'],
    ['a filler that looks like a space', 'a\u3164\u115F.txt', 'a.txt'],
    ['tags that no flag needs', 'a\u{E0041}\u{E0042}.txt', 'a.txt'],
    ['odd spaces', 'Screenshot 2.15\u202FPM\u00A0x.png', 'Screenshot 2.15 PM x.png'],
    ['letters with separate accents', 'cafe\u0301.txt', 'caf\u00E9.txt'],
    ['a reserved Windows name', 'CON', 'CON'],
    ['Chinese and Japanese', '报告 日本語\u3000資料.pdf', '报告 日本語\u3000資料.pdf'],
    ['Arabic', 'تقرير.pdf', 'تقرير.pdf'],
    ['Hebrew', 'דוח.docx', 'דוח.docx'],
    ['Persian with its non-joiner', 'می\u200Cخواهم.txt', 'می\u200Cخواهم.txt'],
    ['Hindi with its joiner', 'क्\u200Dष.txt', 'क्\u200Dष.txt'],
    ['a family', '👨‍👩‍👧‍👦.png', '👨‍👩‍👧‍👦.png'],
    ['a rainbow flag', '🏳️‍🌈.gif', '🏳️‍🌈.gif'],
    ['a skin tone', '👩🏽‍🚀.png', '👩🏽‍🚀.png'],
    ['a regional flag', '🏴󠁧󠁢󠁥󠁮󠁧󠁿.png', '🏴󠁧󠁢󠁥󠁮󠁧󠁿.png'],
    ['a keycap', '1️⃣.png', '1️⃣.png'],
    ['a joiner after an emoji and before a letter', '👩\u200Da.png', '👩a.png'],
  ])('%s', (_what, raw, clean) => {
    expect(cleanFileName(raw)).toBe(clean);
  });

  it.each([
    ['keeps the extension', `${'a'.repeat(400)}.pdf`, `${'a'.repeat(251)}.pdf`],
    ['cuts a name without extension', 'a'.repeat(400), 'a'.repeat(255)],
    ['does not cut through a pair', `${'x'.repeat(250)}😀😀.pdf`, `${'x'.repeat(250)}.pdf`],
    ['does not cut through a family', `${'x'.repeat(245)}👨‍👩‍👧‍👦.pdf`, `${'x'.repeat(245)}.pdf`],
    ['leaves no space before the extension', `${'x'.repeat(250)} y.pdf`, `${'x'.repeat(250)}.pdf`],
    ['takes a long tail for no extension', `a.${'b'.repeat(400)}`, `a.${'b'.repeat(253)}`],
  ])('a long name: %s', (_what, raw, clean) => {
    expect(cleanFileName(raw)).toBe(clean);
  });

  it('comes to the same for names of ASCII, whichever way they go', () => {
    const ascii = fc.string({ unit: fc.integer({ min: 1, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    const edges = [
      'a',
      '.',
      ' ',
      '/',
      '\\',
      'a b',
      'a.',
      ' a',
      'a/b',
      'a'.repeat(255),
      'a'.repeat(256),
      `${'a'.repeat(254)}.`,
    ];
    // With a character that is taken out again it is no name of ASCII.
    for (const raw of edges) expect(cleanFileName(raw)).toBe(cleanFileName(`\u200B${raw}`));
    fc.assert(fc.property(ascii, (raw) => cleanFileName(raw) === cleanFileName(`\u200B${raw}`)));
  });

  it('holds its promises on noise, and cleaning twice changes nothing', () => {
    const alphabet = [
      ...'ab./\\ \n',
      '\u202E',
      '\u200D',
      '\uD83D',
      '\uDE00',
      '😀',
      '\uFE0F',
      '\u0301',
      '语',
      'ب',
      '\u200C',
      '\u3000',
      '1',
      '\u20E3',
      '\u{1F3F4}',
      '\u{E0067}',
      '\u{E007F}',
      '\u0F71',
      '\u0F73',
      '가',
      '\u11A8',
    ];
    for (let seed = 1; seed <= 2000; seed++) {
      const raw = [...noise(seed % 7 === 0 ? 600 : 24, seed)].map((byte) => alphabet[byte % alphabet.length]).join('');
      const clean = cleanFileName(raw);
      expect(clean).toMatch(/^[^\p{Cc}\p{Cs}\u2028-\u202E/\\]{1,255}$/u);
      expect(clean).not.toMatch(/^[.\s]|[.\s]$/u);
      expect(clean.length).toBeLessThanOrEqual(255);
      expect(cleanFileName(clean)).toBe(clean);
    }
  });

  it('takes no long time over hostile names', () => {
    for (const part of ['.', ' ', '\u0301', '\u200D', '👨‍', '/', '\u{1F3F4}\u{E0067}']) {
      expect(cleanFileName(`a${part.repeat(200_000)}b`).length).toBeLessThanOrEqual(255);
    }
  });
});

describe('extensionOf', () => {
  it.each([
    ['photo.JPG', 'jpg'],
    ['archive.tar.gz', 'gz'],
    ['Makefile', ''],
    ['.bashrc', ''],
    ['name.', ''],
    ['', ''],
    ['Report v1.2 final', ''],
    ['a.文档', ''],
    ['x.appref-ms', 'appref-ms'],
  ])('%s → %s', (name, extension) => {
    expect(extensionOf(name)).toBe(extension);
  });
});
