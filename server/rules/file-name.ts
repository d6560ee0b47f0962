/** Makes what a person calls a file harmless to show, log and send back, and keeps it readable. */

/** The longest name kept, in UTF-16 units: what every common file system takes when the file is saved again. */
const MAX_NAME_UNITS = 255;
/** How much of a raw name is looked at, in UTF-16 units from its end: the last path segment and the extension are there. */
const MAX_RAW_UNITS = 4096;
/** A longer tail after the last dot is part of the name, not an extension. */
const MAX_EXTENSION_UNITS = 32;

/** Scripts whose spelling needs the zero-width joiner and non-joiner inside words (Unicode TR 31, section 2.3). */
const JOINING =
  '\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Devanagari}\\p{Script=Bengali}\\p{Script=Gurmukhi}\\p{Script=Gujarati}' +
  '\\p{Script=Oriya}\\p{Script=Tamil}\\p{Script=Telugu}\\p{Script=Kannada}\\p{Script=Malayalam}\\p{Script=Sinhala}';

/**
 * The invisible characters that are part of something visible: the joiner between emoji, the joiners inside words of
 * Arabic and Indic scripts, the emoji and ideograph variation selectors, and the tags that make a regional flag.
 */
const VISIBLE_USE = [
  '(?<=\\p{Extended_Pictographic}\\uFE0F?|\\p{Emoji_Modifier})\\u200D(?=\\p{Extended_Pictographic})',
  `(?<=[${JOINING}])(?<!\\u061C)[\\u200C\\u200D](?=[${JOINING}])(?!\\u061C)`,
  '(?<=\\p{Extended_Pictographic})[\\uFE0E\\uFE0F]',
  '(?<=[0-9#*])\\uFE0F(?=\\u20E3)',
  '(?<=\\p{Script=Han})[\\uFE00-\\uFE02\\u{E0100}-\\u{E01EF}]',
  '(?<=\\u{1F3F4})[\\u{E0061}-\\u{E007A}\\u{E0030}-\\u{E0039}]{1,6}\\u{E007F}',
].join('|');

/**
 * What nobody can see, or what changes how its neighbours are seen: controls, lone surrogates, line and paragraph
 * separators, every default-ignorable character (bidi overrides, isolates and marks, zero-width, fillers, tags), noncharacters.
 */
const INVISIBLE =
  '[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\p{Noncharacter_Code_Point}\\uFFF9-\\uFFFC]';

const HIDDEN = new RegExp(`(${VISIBLE_USE})|${INVISIBLE}`, 'gu');
/** Every width of space but the ideographic one, which is part of how Japanese names are written. */
const ODD_SPACES = /[\p{Zs}--\u3000]/gv;
const EDGE = /[.\s]/u;
/** Of letters, digits and signs of ASCII, as most are: nothing in it is hidden, odd, a path or at an edge, so it is clean. */
const PLAIN = /^[!-\-0-[\]-~](?:[ -.0-[\]-~]{0,253}[!-\-0-[\]-~])?$/;

/**
 * The name without path, control, bidi and invisible characters, in NFC, without dots and spaces at its ends, at most
 * 255 UTF-16 units with the extension kept; `file` when nothing is left. Cleaning a clean name changes nothing. The name
 * is data only: it never becomes a path or a key, so names that Windows reserves are kept.
 */
export function cleanFileName(raw: string): string {
  // A name is judged some nine times on its way, each time as if nobody had cleaned it before.
  if (PLAIN.test(raw)) return raw;
  const visible = raw
    .slice(-MAX_RAW_UNITS)
    .normalize('NFC')
    .replace(HIDDEN, '$1')
    .replace(ODD_SPACES, ' ')
    .normalize('NFC');
  const name = visible
    .split(/[\\/]/)
    .map(trimEdges)
    .findLast((segment) => segment !== '');
  return name === undefined ? 'file' : shorten(name);
}

/** The part after the last dot, lower case and without the dot; '' when there is none or it is not of ASCII letters, digits, `_`, `+`, `-`. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  if (dot <= 0) return '';
  const extension = name.slice(dot + 1);
  if (extension.length > MAX_EXTENSION_UNITS || !/^[a-z0-9_+-]+$/i.test(extension)) return '';
  return extension.toLowerCase();
}

/** By index, not by a regular expression: `[.\s]+$` takes quadratic time on a long run of dots inside a name. */
function trimEdges(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && EDGE.test(text.charAt(start))) start++;
  while (end > start && EDGE.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function shorten(name: string): string {
  if (name.length <= MAX_NAME_UNITS) return name;
  const extension = extensionOf(name);
  const tail = extension === '' ? '' : name.slice(-extension.length - 1);
  const stem = trimEdges(cutAt(name.slice(0, name.length - tail.length), MAX_NAME_UNITS - tail.length));
  return stem + tail;
}

/** At most `units` long, and never through what a reader sees as one character. */
function cutAt(text: string, units: number): string {
  const around = text.slice(0, units + 64);
  const boundary = new Intl.Segmenter().segment(around).containing(units)?.index ?? units;
  if (boundary > units / 2) return text.slice(0, boundary);
  // A stack of marks can make one "character" of the whole name: then cut it, and drop the half pair or joiner at the end.
  return text.slice(0, units).replace(HIDDEN, '$1');
}
