/** The files that no setting lets in, known by their first bytes, whatever they are called. */

import { forbiddenMarkup } from './forbidden-markup.ts';
import type { ForbiddenKind } from './forbidden-types.ts';
import { isText, writtenStart } from './text-bytes.ts';

/** Signatures at the very start, as hexadecimal digits. */
const SIGNATURES: readonly (readonly [hex: string, kind: ForbiddenKind])[] = [
  ['7f454c46', 'program'], // ELF, and AppImage
  ['feedface', 'program'], // Mach-O, 32 and 64 bit, in both byte orders
  ['feedfacf', 'program'],
  ['cefaedfe', 'program'],
  ['cffaedfe', 'program'],
  ['cafebabe', 'program'], // Java class, or a Mach-O for several processors
  ['cafebabf', 'program'],
  ['bebafeca', 'program'],
  ['bfbafeca', 'program'],
  ['cafed00d', 'program'], // packed Java archive
  ['0061736d', 'program'], // WebAssembly
  ['6465780a', 'program'], // dex, odex, compact dex: Android
  ['6465790a', 'program'],
  ['63646578', 'program'],
  ['43723234', 'program'], // Chrome extension: Cr24
  ['4c0000000114020000000000c000000000000046', 'shortcut'], // .lnk: [MS-SHLLINK] 2.1, size and class id
  ['49545346', 'program'], // compiled help: ITSF
  ['edabeedb', 'program'], // RPM
  ['213c617263683e0a64656269616e2d62696e617279', 'program'], // Debian package
  ['78617221', 'program'], // macOS installer: xar!
  ['1b4c7561', 'program'], // compiled Lua
  ['626f6f6b000000006d61726b00000000', 'shortcut'], // Finder alias
];

/** Text at the start (lower case, white space skipped) that makes a system run a file or go where it says. */
const TEXT_STARTS: readonly (readonly [start: string, kind: ForbiddenKind])[] = [
  ['@echo ', 'script'],
  ['windows registry editor version', 'script'],
  ['regedit4', 'script'],
  ['[internetshortcut]', 'shortcut'],
  ['[{000214a0-0000-0000-c000-000000000046}]', 'shortcut'],
  ['[desktop entry]', 'shortcut'],
  ['from: <saved by ', 'web-page'],
];
/** As many characters as the longest of these has, and more. */
const TEXT_START_CHARACTERS = 64;
/** MHTML as Chrome writes it. */
const SNAPSHOT = /\nsnapshot-content-location:/i;

const signatures = SIGNATURES.map(([hex, kind]) => [Buffer.from(hex, 'hex'), kind] as const);

/**
 * The kind of forbidden file that these first bytes (a head of 4 KiB, or the whole of a shorter file) are; undefined for
 * all others. Scripts without a telling start cannot be known by their bytes: those are known by their names.
 */
export function forbiddenByBytes(head: Uint8Array): ForbiddenKind | undefined {
  const signature = signatures.find(([bytes]) => bytes.every((byte, at) => head[at] === byte));
  if (signature !== undefined) return signature[1];
  if (isWindowsProgram(head) || isFlash(head)) return 'program';
  const written = writtenStart(head);
  const start = written.slice(0, TEXT_START_CHARACTERS).toLowerCase();
  if (isShebang(start)) return 'script';
  const text = TEXT_STARTS.find(([words]) => start.startsWith(words));
  if (text !== undefined) return text[1];
  if (SNAPSHOT.test(written)) return 'web-page';
  return start.startsWith('<') ? forbiddenMarkup(written.toLowerCase()) : undefined;
}

/** `MZ`, unless it is the first word of a plain text: it is Mozambique's country code, and starts many a table. */
function isWindowsProgram(head: Uint8Array): boolean {
  if (head[0] !== 0x4d || head[1] !== 0x5a) return false;
  const isWord = head.length === 2 || /[^A-Za-z\x80-\xff]/.test(String.fromCharCode(head[2] ?? 0));
  return !(isWord && isText(head));
}

/** `FWS`, `CWS`, `ZWS` and a version: Flash. A text that begins with those letters has no binary byte. */
function isFlash(head: Uint8Array): boolean {
  const [first = 0, second, third, version = 0] = head;
  if (second !== 0x57 || third !== 0x53 || version === 0 || version > 60) return false;
  return (first === 0x46 || first === 0x43 || first === 0x5a) && !isText(head);
}

/** `#!`, but not the first line of an AMR recording (RFC 4867 section 5) or a SILK one. */
function isShebang(start: string): boolean {
  return start.startsWith('#!') && !start.startsWith('#!amr') && !start.startsWith('#!silk');
}
