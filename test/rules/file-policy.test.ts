/** Which files may be shared, by what is declared and by their first bytes. */
import { describe, expect, it } from 'vitest';
import { HEAD_BYTES } from '../../server/rules/detect-type.ts';
import { Failure } from '../../server/rules/failure.ts';
import { checkDeclared, decideType, type FilePolicy } from '../../server/rules/file-policy.ts';
import { DEFAULT_ALLOWED_TYPES } from '../../server/rules/file-types.ts';
import { sizeInWords } from '../../server/rules/size-words.ts';
import * as sample from './sample-files.ts';
import { bytes, hex, latin1, longer, noise, utf16 } from './sample-files.ts';
import * as zips from './zip-files.ts';

const MB = 1024 * 1024;
const standard: FilePolicy = { maxFileSizeBytes: 25 * MB, allowedTypes: DEFAULT_ALLOWED_TYPES };
const only = (...allowedTypes: string[]): FilePolicy => ({ maxFileSizeBytes: 25 * MB, allowedTypes });
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const empty = new Uint8Array();

function refusal(run: () => void): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
}

async function decision(
  head: Uint8Array,
  name: string,
  declaredType: string | null,
  policy: FilePolicy,
): Promise<string> {
  const decided = decideType(head, head.length < HEAD_BYTES, { name, declaredType }, policy);
  return decided.then(
    (type) => `${type.mimeType} ${type.extension}`.trim(),
    (error) => (error instanceof Failure ? error.code : String(error)),
  );
}

describe('checkDeclared', () => {
  it.each([
    ['a picture', 'a.png', 1, 'image/png', standard, 'none'],
    ['nothing declared', 'file', null, null, standard, 'none'],
    ['exactly the limit', 'a.png', 25 * MB, null, standard, 'none'],
    ['one byte more', 'a.png', 25 * MB + 1, null, standard, 'file-too-large'],
    ['an empty file', 'a.txt', 0, null, standard, 'none'],
    ['an unknown extension', 'a.xyz', 1, null, standard, 'none'],
    ['an unknown type of binary', 'a.xyz', 1, 'application/octet-stream', only('image/png'), 'none'],
    ['an extension that is not allowed', 'a.rar', 1, null, standard, 'type-not-allowed'],
    ['a type that is not allowed', 'file', 1, 'application/x-7z-compressed', standard, 'type-not-allowed'],
    ['an unknown type that is not allowed', 'file', 1, 'application/x-strange', standard, 'type-not-allowed'],
    ['an unknown type under *', 'file', 1, 'application/x-strange', only('*'), 'none'],
    ['an unknown kind of text', 'a.xyz', 1, 'text/x-log', standard, 'none'],
    ['an unknown type of a known extension', 'a.png', 1, 'application/x-strange', standard, 'none'],
    ['a type that is no type', 'a.png', 1, 'undefined', only('image/png'), 'none'],
    ['any picture', 'IMG_1', 1, 'image/*', only('image/png'), 'none'],
    ['a CSV as plain text', 'a.csv', 1, 'text/plain', only('text/csv'), 'none'],
    ['a CSV as Windows declares it', 'a.csv', 1, 'application/vnd.ms-excel', only('text/csv'), 'none'],
    ['a Word document as a zip', 'a.docx', 1, 'application/zip', only(DOCX), 'none'],
    ['a picture declared as what is not allowed', 'a.png', 1, 'application/pdf', only('image/*'), 'type-not-allowed'],
    ['an alias', 'file', 1, 'image/jpg', only('image/jpeg'), 'none'],
    ['parameters', 'file', 1, 'Audio/WebM; codecs=opus', only('audio/*'), 'none'],
    ['a program', 'setup.EXE', 1, null, only('*'), 'executable'],
    ['a program behind dots and spaces', 'setup.exe. . ', 1, null, only('*'), 'executable'],
    ['a program behind an invisible character', 'setup.exe\u200B', 1, null, only('*'), 'executable'],
    ['a program turned around', 'fdp.\u202Eexe', 1, null, only('*'), 'executable'],
    ['a program in wide letters', 'setup．ｅｘｅ', 1, null, only('*'), 'executable'],
    ['a program as the stream of a file', 'setup.bat::$DATA', 1, null, only('*'), 'executable'],
    ['a name with a time in it', 'Meeting 12:30.pdf', 1, null, standard, 'none'],
    ['a script', 'a.js', 1, null, only('*'), 'executable'],
    ['a page', 'a.html', 1, null, only('*'), 'executable'],
    ['SVG', 'a.svg', 1, null, only('*'), 'executable'],
    ['a document with macros', 'a.docm', 1, null, only('*'), 'executable'],
    ['a page by its type', 'a.txt', 1, 'text/html; charset=utf-8', only('*'), 'executable'],
    ['SVG by its type', 'a.png', 1, 'image/svg+xml', only('*'), 'executable'],
    ['macros by their type', 'a', 1, 'application/vnd.ms-word.document.macroEnabled.12', only('*'), 'executable'],
  ])('%s', (_what, name, sizeBytes, declaredType, policy, code) => {
    expect(refusal(() => checkDeclared({ name, sizeBytes, declaredType }, policy))).toBe(code);
  });

  it('says the limit in words', () => {
    const large = { name: 'film.mp4', sizeBytes: 26 * MB, declaredType: null };
    expect(() => checkDeclared(large, standard)).toThrow(
      '“film.mp4” is larger than 25 MB, the most that can be sent here. Choose a smaller file.',
    );
  });

  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [1023, '1023 bytes'],
    [1024, '1 KB'],
    [25 * MB, '25 MB'],
    [25 * MB - 1, '24.9 MB'],
    [1.5 * 1024 * MB, '1.5 GB'],
    [50 * 1024 * MB, '50 GB'],
  ])('%s bytes: %s', (sizeBytes, words) => {
    expect(sizeInWords(sizeBytes)).toBe(words);
  });
});

describe('decideType', () => {
  it.each([
    ['png', sample.png, 'a.png', 'image/png', 'image/png .png'],
    ['jpeg with another extension', sample.jpeg, 'A.JPEG', 'image/jpg', 'image/jpeg .jpg'],
    ['gif', sample.gif, 'a.gif', null, 'image/gif .gif'],
    ['webp', sample.webp, 'a.webp', 'image/webp', 'image/webp .webp'],
    ['tiff', longer(sample.tiff), 'a.tif', 'image/tiff', 'image/tiff .tiff'],
    ['a raw photo', longer(sample.tiff), 'a.dng', null, 'image/x-adobe-dng .dng'],
    ['heic declared as heif', sample.heic, 'IMG.HEIC', 'image/heif', 'image/heic .heic'],
    ['heic without a type', sample.heic, 'IMG.HEIC', null, 'image/heic .heic'],
    ['pdf', sample.pdf, 'a.pdf', 'application/x-pdf', 'application/pdf .pdf'],
    ['mp3 from an old client', sample.mp3, 'a.mp3', 'audio/mp3', 'audio/mpeg .mp3'],
    ['mp3 with a cover', sample.mp3WithTag, 'a.mp3', 'audio/mpeg', 'audio/mpeg .mp3'],
    ['flac with a tag', sample.mp3WithTag, 'a.flac', 'audio/x-flac', 'audio/flac .flac'],
    ['wav', sample.wav, 'a.wav', 'audio/x-wav', 'audio/wav .wav'],
    ['m4a from Apple', sample.m4a, 'a.m4a', 'audio/x-m4a', 'audio/mp4 .m4a'],
    ['m4a with the brand of MP4', sample.mp4, 'a.m4a', 'audio/mp4', 'audio/mp4 .m4a'],
    ['mov named mp4', sample.mov, 'IMG_1.MP4', 'video/mp4', 'video/mp4 .mp4'],
    ['mov', sample.mov, 'IMG_1.MOV', 'video/quicktime', 'video/quicktime .mov'],
    ['webm', sample.webm, 'a.webm', 'video/webm', 'video/webm .webm'],
    ['webm from a microphone', sample.webm, 'a.webm', 'audio/webm;codecs=opus', 'audio/webm .weba'],
    ['webm without a type', sample.webm, 'a.webm', null, 'video/webm .webm'],
    ['voice note without a type', sample.recording('webm', '02'), 'a.webm', null, 'audio/webm .weba'],
    [
      'voice note that a browser calls a video',
      sample.recording('webm', '02'),
      'a.webm',
      'video/webm',
      'audio/webm .weba',
    ],
    ['voice note without a name', sample.recording('webm', '02'), 'file', null, 'audio/webm .weba'],
    [
      'film that is called a voice note',
      sample.recording('webm', '02', '01'),
      'a.weba',
      'audio/webm',
      'video/webm .webm',
    ],
    ['ogg', sample.ogg, 'a.opus', 'audio/ogg; codecs=opus', 'audio/ogg .ogg'],
    ['amr', sample.amr, 'a.amr', 'audio/amr', 'audio/amr .amr'],
    ['csv in Latin-1', latin1('Größe;Maß\n'), 'a.csv', 'text/csv', 'text/csv .csv'],
    ['csv from Windows', bytes('a;b\n'), 'a.csv', 'application/vnd.ms-excel', 'text/csv .csv'],
    ['csv as plain text', bytes('a;b\n'), 'a.csv', 'text/plain', 'text/csv .csv'],
    ['UTF-16 text', utf16('Größe', 'le'), 'a.txt', 'text/plain', 'text/plain .txt'],
    ['UTF-8 cut in a sequence', bytes('x'.repeat(4095), '語').subarray(0, 4096), 'a.md', null, 'text/markdown .md'],
    ['text with an unknown extension', bytes('a = 1'), 'a.toml', null, 'text/plain .txt'],
    ['text without an extension', bytes('all:'), 'Makefile', null, 'text/plain .txt'],
    ['text with a declared type only', bytes('a,b'), 'export', 'text/csv', 'text/csv .csv'],
    ['picture without a name', sample.png, 'file', null, 'image/png .png'],
    ['picture declared as binary', sample.png, 'file', 'application/octet-stream', 'image/png .png'],
    ['picture with an unknown extension', sample.png, 'a.foo', null, 'image/png .png'],
    ['docx', zips.docx, 'a.docx', DOCX, `${DOCX} .docx`],
    ['docx as a zip', zips.docx, 'a.docx', 'application/x-zip-compressed', `${DOCX} .docx`],
    ['docx as an old document', zips.docx, 'a.docx', 'application/msword', `${DOCX} .docx`],
    ['docx by declared type only', zips.docx, 'file', DOCX, `${DOCX} .docx`],
    ['zip', zips.plainZip, 'a.zip', 'application/x-zip-compressed', 'application/zip .zip'],
    ['doc', sample.ole, 'a.doc', 'application/msword', 'application/msword .doc'],
    ['xls', sample.ole, 'a.xls', null, 'application/vnd.ms-excel .xls'],
    ['rtf', sample.rtf, 'a.rtf', 'application/msword', 'application/rtf .rtf'],
    ['old office document of unknown kind', sample.ole, 'file', null, 'type-not-allowed'],
    ['7z', sample.sevenZip, 'a.7z', null, 'type-not-allowed'],
    ['unknown binary', hex('00010203'), 'a.foo', null, 'type-not-allowed'],
    ['png named pdf', sample.png, 'a.pdf', null, 'type-mismatch'],
    ['png declared as jpeg', sample.png, 'a.png', 'image/jpeg', 'type-mismatch'],
    ['png declared as text', sample.png, 'file', 'text/plain', 'type-mismatch'],
    ['text named png', bytes('hello'), 'a.png', 'image/png', 'type-mismatch'],
    ['binary named txt', bytes('Hello', 0), 'a.txt', 'text/plain', 'type-mismatch'],
    ['binary named pdf', hex('00010203'), 'a.pdf', null, 'type-mismatch'],
    ['zip named doc', zips.docx, 'a.doc', null, 'type-mismatch'],
    // It may be one under a password: the whole file shows that.
    [
      'old document named docx',
      sample.ole,
      'a.docx',
      null,
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document .docx',
    ],
    ['text behind GIF letters', bytes('GIF89a=1;alert(1)'), 'a.gif', 'image/gif', 'type-mismatch'],
    ['program named png', sample.windowsProgram, 'a.png', 'image/png', 'executable'],
    ['program without a name', sample.elf, 'file', null, 'executable'],
    ['page named txt', bytes('<html>'), 'a.txt', 'text/plain', 'executable'],
    ['page named png', bytes('\n<!doctype html>'), 'a.png', 'image/png', 'executable'],
    ['SVG named png', bytes('<?xml version="1.0"?><!-- x --><svg>'), 'a.png', 'image/png', 'executable'],
    ['SVG as XML', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'a.xml', 'text/xml', 'executable'],
    ['script named txt', bytes('#!/bin/sh'), 'a.txt', null, 'executable'],
    ['picture named js', sample.png, 'a.js', null, 'executable'],
    ['jar named zip', zips.jar, 'a.zip', null, 'executable'],
  ])('%s', async (_what, head, name, declaredType, expected) => {
    expect(await decision(head, name, declaredType, standard)).toBe(expected);
  });

  it.each([
    ['unknown binary under *', hex('00010203'), 'a.foo', null, only('*'), 'application/octet-stream'],
    [
      'unknown binary by name',
      hex('00010203'),
      'a',
      null,
      only('application/octet-stream'),
      'application/octet-stream',
    ],
    ['unknown binary named pdf under *', hex('00010203'), 'a.pdf', null, only('*'), 'type-mismatch'],
    ['unknown binary declared as PNG under *', hex('00010203'), 'a', 'image/png', only('*'), 'type-mismatch'],
    ['7z under *', sample.sevenZip, 'a.7z', null, only('*'), 'application/x-7z-compressed .7z'],
    ['page under *', bytes('<html>'), 'a', null, only('*'), 'executable'],
    ['page by name in the list', bytes('<html>'), 'a.html', null, only('text/html'), 'executable'],
    ['mp4 where only sound is allowed', sample.mp4, 'a.mp4', null, only('audio/*'), 'type-not-allowed'],
    ['mp4 from a microphone', sample.mp4, 'a.mp4', 'audio/mp4', only('audio/*'), 'audio/mp4 .m4a'],
    ['mp4 where only pictures are allowed', sample.mp4, 'a.mp4', null, only('image/*'), 'type-not-allowed'],
    ['text of no name where only CSV is allowed', bytes('a,b'), 'a.foo', null, only('text/csv'), 'type-not-allowed'],
    ['nothing is allowed', sample.png, 'a.png', null, only(), 'type-not-allowed'],
    ['empty docx', empty, 'a.docx', null, standard, `${DOCX} .docx`],
    ['empty file by its declared type', empty, 'a', 'image/jpg', standard, 'image/jpeg .jpg'],
    ['empty file of nothing', empty, 'a', null, standard, 'text/plain .txt'],
    ['empty file whose extension is not allowed', empty, 'a.rar', null, standard, 'text/plain .txt'],
    ['empty file where text is not allowed', empty, 'a', null, only('image/png'), 'type-not-allowed'],
    ['empty program', empty, 'a.exe', null, only('*'), 'executable'],
  ])('%s', async (_what, head, name, declaredType, policy, expected) => {
    expect(await decision(head, name, declaredType, policy)).toBe(expected);
  });

  it.each([
    [
      sample.png,
      'report.pdf',
      null,
      '“report.pdf” is not a PDF: its contents are a PNG picture. Choose the file again or rename it.',
    ],
    [
      bytes(0),
      'report.pdf',
      null,
      '“report.pdf” is not a PDF: its contents are something else, or damaged. Choose the file again or rename it.',
    ],
    [
      sample.png,
      'a',
      'image/jpeg',
      '“a” was sent as a JPEG picture, but its contents are a PNG picture. Choose the file again.',
    ],
    [
      bytes('<html>'),
      '\u202Ea.txt',
      null,
      '“a.txt” is a web page and cannot be sent here. Save it as a PDF and send that.',
    ],
    [
      sample.sevenZip,
      'a.7z',
      null,
      '“a.7z” is a 7-Zip file, and such files are not allowed here. Choose a file of another type.',
    ],
  ])('says it in plain English (%#)', async (head, name, declaredType, detail) => {
    await expect(decideType(head, true, { name, declaredType }, standard)).rejects.toThrow(detail);
  });

  it('keeps a long name short in its sentence', async () => {
    const long = decideType(sample.png, true, { name: `${'x'.repeat(300)}.pdf`, declaredType: null }, standard);
    await expect(long).rejects.toThrow(/^“x{59}…x{16}\.pdf” is not a PDF/);
  });

  it('answers or throws a Failure on any bytes, names and types', async () => {
    const starts = [
      ...Object.values(sample).filter((value) => value instanceof Uint8Array),
      ...Object.values(zips).filter((value) => value instanceof Uint8Array),
      bytes('<'),
      bytes('<?xml '),
      bytes('<!DOCTYPE ['),
      hex('fffe'),
      hex('feff'),
    ];
    const names = ['a.png', 'a.docx', 'a', 'a.txt', 'a.mp3', '', '\uD800.', 'a.zip', 'a.constructor', '__proto__'];
    const types = [null, 'image/png', 'text/plain; x', '', '/', ';', 'constructor', '__proto__', 'a/b/c', '*/*'];
    for (let seed = 0; seed < 3000; seed++) {
      const start = starts[seed % starts.length] ?? empty;
      const head = bytes(start.subarray(0, (seed * 7) % 48), noise((seed * 13) % 300, seed));
      const got = await decision(
        head,
        names[seed % 10] ?? '',
        types[Math.floor(seed / 10) % 10] ?? null,
        seed % 2 ? standard : only('*'),
      );
      expect(got).toMatch(/^(?:executable|type-mismatch|type-not-allowed|[a-z0-9]+\/[a-z0-9.+-]+(?: \.[a-z0-9]+)?)$/);
    }
  });
});
