/** What bytes are, and what no bytes may be. */
import { describe, expect, it } from 'vitest';
import { detectType, HEAD_BYTES } from '../../server/rules/detect-type.ts';
import { forbiddenByBytes } from '../../server/rules/forbidden-bytes.ts';
import { isText } from '../../server/rules/text-bytes.ts';
import * as sample from './sample-files.ts';
import { bytes, hex, latin1, longer, noise, utf16 } from './sample-files.ts';
import { docx, emptyZip } from './zip-files.ts';

const UNKNOWN = 'application/octet-stream';

describe('detectType', () => {
  it.each([
    ['png', sample.png, 'image/png'],
    ['jpeg', sample.jpeg, 'image/jpeg'],
    ['gif', sample.gif, 'image/gif'],
    ['webp', sample.webp, 'image/webp'],
    ['bmp', sample.bmp, 'image/bmp'],
    ['tiff with its directory at the end', longer(sample.tiff), 'image/tiff'],
    ['heic', sample.heic, 'image/heic'],
    ['avif', sample.avif, 'image/avif'],
    ['mp4', sample.mp4, 'video/mp4'],
    ['m4a', sample.m4a, 'audio/mp4'],
    ['mov', sample.mov, 'video/quicktime'],
    ['mp3 with a tag beyond the head', sample.mp3WithTag, 'audio/mpeg'],
    ['mp3', sample.mp3, 'audio/mpeg'],
    ['wav', sample.wav, 'audio/wav'],
    ['wav of a long recording', bytes('RF64', hex('ffffffff'), 'WAVEds64', new Uint8Array(28)), 'audio/wav'],
    ['ogg', sample.ogg, 'audio/ogg'],
    ['ogg cut short', sample.ogg.subarray(0, 20), 'application/ogg'],
    ['flac', sample.flac, 'audio/flac'],
    ['webm', sample.webm, 'video/webm'],
    ['webm with sound only', sample.recording('webm', '02'), 'audio/webm'],
    ['webm with sound and a picture', sample.recording('webm', '02', '01'), 'video/webm'],
    ['webm whose tracks are cut short', sample.recording('webm', '02').subarray(0, 40), 'video/webm'],
    ['matroska with sound only', sample.recording('matroska', '02'), 'audio/x-matroska'],
    ['amr', sample.amr, 'audio/amr'],
    ['pdf', sample.pdf, 'application/pdf'],
    ['pdf in ASCII only', bytes('%PDF-1.4\n1 0 obj'), 'application/pdf'],
    ['pdf behind a line break', bytes('\n\n', sample.pdf), 'application/pdf'],
    ['rtf', sample.rtf, 'application/rtf'],
    ['gzip', sample.gzip, 'application/gzip'],
    ['7z', sample.sevenZip, 'application/x-7z-compressed'],
    ['old office', sample.ole, 'application/x-ole-storage'],
    ['zip', docx, 'application/zip'],
    ['empty zip', emptyZip, 'application/zip'],
    ['text', bytes('Hello\r\n\tworld\u001b'), 'text/plain'],
    ['text of one letter', bytes('a'), 'text/plain'],
    ['UTF-8 with its mark', bytes(hex('efbbbf'), 'Grüße'), 'text/plain'],
    ['UTF-8 cut in a sequence', bytes('x'.repeat(HEAD_BYTES - 1), '語').subarray(0, HEAD_BYTES), 'text/plain'],
    ['Latin-1', latin1('Größe;Maß\r\n1;ä'), 'text/plain'],
    ['UTF-16 LE', utf16('Grüße 語', 'le'), 'text/plain'],
    ['UTF-16 BE', utf16('Grüße 語', 'be'), 'text/plain'],
    ['UTF-16 cut in a pair', utf16('ab😀', 'le').subarray(0, 8), 'text/plain'],
    ['UTF-16 with a control character', utf16('ab\u0001', 'le'), UNKNOWN],
    ['text with a NUL', bytes('Hello', 0, 'world'), UNKNOWN],
    ['text like a BMP', bytes('BMW;Audi\n1;2'), 'text/plain'],
    ['text like a GIF', bytes('GIFTS for all'), 'text/plain'],
    ['text like a GIF to its last letter', bytes('GIF89a=1;alert(1)'), 'text/plain'],
    ['text like an ID3 tag', bytes('ID3 is a tag'), 'text/plain'],
    ['text like an AIFF', bytes('FORMS to fill in'), 'text/plain'],
    ['text like PostScript', bytes('%! is a comment'), 'text/plain'],
    ['a contact', bytes('BEGIN:VCARD\r\nVERSION:3.0'), 'text/vcard'],
    ['a date', bytes('BEGIN:VCALENDAR\r\n'), 'text/calendar'],
    ['xml', bytes('<?xml version="1.0"?><note/>'), 'application/xml'],
    ['nothing known', hex('0102030405060708'), UNKNOWN],
    ['one byte', hex('00'), UNKNOWN],
    ['no byte', new Uint8Array(), 'text/plain'],
    ['zlib data, which is no disk image', hex('7801cbcf0700'), UNKNOWN],
  ])('%s', async (_what, head, expected) => {
    expect((await detectType(head, head.length < HEAD_BYTES)).mimeType).toBe(expected);
  });

  it('names the family where bytes name no more', async () => {
    const names = async (head: Uint8Array) => (await detectType(head, false)).candidates.map((type) => type.mimeType);
    expect(await names(docx)).toEqual(expect.arrayContaining(['application/zip', 'application/epub+zip']));
    expect(await names(sample.ole)).toContain('application/msword');
    expect(await names(sample.mp4)).toContain('audio/mp4');
    expect(await names(sample.mp3WithTag)).toEqual(['audio/mpeg', 'audio/aac', 'audio/flac']);
    expect(await names(sample.png)).toEqual(['image/png']);
  });

  it('survives every signature followed by noise, and every cut of a real head', async () => {
    const heads = Object.values(sample).filter((value) => value instanceof Uint8Array);
    for (const [at, head] of [...heads, docx].entries()) {
      for (let cut = 0; cut < Math.min(head.length, 64); cut++) {
        const mixed = bytes(head.subarray(0, cut), noise(200, at * 64 + cut));
        expect((await detectType(mixed, true)).mimeType).toMatch(/^[a-z0-9]+\/[a-z0-9.+-]+$/);
        expect((await detectType(head.subarray(0, cut), false)).mimeType).toContain('/');
      }
    }
  });
});

describe('forbiddenByBytes', () => {
  it.each([
    ['a Windows program', sample.windowsProgram, 'program'],
    ['MZ and letters', bytes('MZABCDEF'), 'program'],
    ['ELF', sample.elf, 'program'],
    ['Mach-O', sample.machO, 'program'],
    ['Mach-O for several processors', sample.fatMachO, 'program'],
    ['a Java class', sample.javaClass, 'program'],
    ['WebAssembly', sample.wasm, 'program'],
    ['dex', sample.dex, 'program'],
    ['Flash', bytes('CWS', hex('0a00010000')), 'program'],
    ['a browser extension', bytes('Cr24', hex('03000000')), 'program'],
    ['a Debian package', bytes('!<arch>\ndebian-binary   '), 'program'],
    ['a Windows shortcut', hex('4c0000000114020000000000c00000000000004601'), 'shortcut'],
    ['a web shortcut', bytes('[InternetShortcut]\r\nURL=https://example.com'), 'shortcut'],
    ['a desktop entry', bytes('\n[Desktop Entry]\nExec=sh'), 'shortcut'],
    ['a shell script', bytes('#!/bin/sh\nrm -rf /'), 'script'],
    ['a shell script behind a mark', bytes(hex('efbbbf'), '#!/usr/bin/env node'), 'script'],
    ['a batch file', bytes('@ECHO OFF\r\n'), 'script'],
    ['registry settings', utf16('Windows Registry Editor Version 5.00\r\n', 'le'), 'script'],
    ['PHP', bytes('<?php echo 1;'), 'script'],
    ['short PHP', bytes('<?= 1 ?>'), 'script'],
    ['JSP', bytes('<%@ page %>'), 'script'],
    ['HTML', bytes('<html><body>'), 'web-page'],
    ['HTML by doctype', bytes('<!DOCTYPE html>'), 'web-page'],
    ['HTML in capitals', bytes(' \r\n\t<HTML>'), 'web-page'],
    ['HTML behind a mark', bytes(hex('efbbbf'), '<!doctype HTML>'), 'web-page'],
    ['HTML in UTF-16 LE', utf16('<html>', 'le'), 'web-page'],
    ['HTML in UTF-16 BE', utf16('\n<script>', 'be'), 'web-page'],
    ['HTML in UTF-16 without a mark', utf16('<html>', 'le', false), 'web-page'],
    ['HTML and a NUL', bytes('<html>', 0), 'web-page'],
    ['a script tag', bytes('<script>alert(1)</script>'), 'web-page'],
    ['a script tag with a slash', bytes('<script/src=//x>'), 'web-page'],
    ['an image tag', bytes('<img src=x onerror=alert(1)>'), 'web-page'],
    ['a comment', bytes('<!-- hi --><script>'), 'web-page'],
    ['an iframe', bytes('<iframe src="x">'), 'web-page'],
    ['XHTML', bytes('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'), 'web-page'],
    [
      'XHTML inside other XML',
      bytes('<?xml version="1.0"?><a xmlns:h="http://www.w3.org/1999/xhtml"><h:script>'),
      'web-page',
    ],
    ['XML with a style sheet', bytes('<?xml version="1.0"?>\n<?xml-stylesheet href="x.xsl"?><a/>'), 'web-page'],
    ['XSL', bytes('<xsl:stylesheet version="1.0">'), 'web-page'],
    ['XML whose root is out of sight', bytes('<?xml version="1.0"?><!-- ', 'x'.repeat(5000)), 'web-page'],
    ['a saved page', bytes('From: <Saved by Blink>\r\nSnapshot-Content-Location: x'), 'web-page'],
    [
      'a saved page behind other headers',
      bytes('Subject: x\r\n'.repeat(99), 'SNAPSHOT-Content-Location: x'),
      'web-page',
    ],
    ['SVG', bytes('<svg xmlns="http://www.w3.org/2000/svg">'), 'svg'],
    ['SVG with a slash', bytes('<svg/onload=alert(1)>'), 'svg'],
    [
      'SVG behind all of it',
      bytes(hex('efbbbf'), '\n<?xml version="1.0"?>\n<!-- Inkscape -->\n<!DOCTYPE svg PUBLIC "x" "y">\n<svg>'),
      'svg',
    ],
    ['SVG behind a doctype with entities', bytes('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b>">]><s:svg>'), 'svg'],
    ['SVG in UTF-16', utf16('<?xml version="1.0"?><svg>', 'be'), 'svg'],
  ])('%s', (_what, head, kind) => {
    expect(forbiddenByBytes(head)).toBe(kind);
  });

  it.each([
    ['a table of countries', bytes('MZ,Mozambique\nMW,Malawi')],
    ['words that begin like a tag', bytes('<3 you all')],
    ['less than', bytes('<abc> is a placeholder')],
    ['an arrow', bytes('<-- look')],
    ['an address', bytes('<paul@example.com> wrote')],
    ['plain XML', bytes('<?xml version="1.0"?><!DOCTYPE note SYSTEM "n.dtd"><note>svg</note>')],
    ['a text about HTML', bytes('How to write <html> and <script>')],
    ['an AMR recording', sample.amr],
    ['a text like Flash', bytes('CWS is a company')],
    ['an INI file', bytes('[settings]\nurl=1')],
    ['a Markdown file', bytes('# Title\n\n<p>hi</p>')],
    ['a PNG', sample.png],
    ['a PDF', sample.pdf],
    ['no byte', new Uint8Array()],
  ])('not %s', (_what, head) => {
    expect(forbiddenByBytes(head)).toBeUndefined();
  });
});

it('isText follows the binary data bytes of the standard', () => {
  const binary = [...Array(256).keys()].filter((byte) => !isText(Uint8Array.of(0x61, byte)));
  const expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31];
  expect(binary).toEqual(expected);
});
