/** Names files that have none: "Screenshot 2026-11-23 at 10.15.png", in the reader's language, no two the same. */
import type { Words } from '../words/create-words.ts';

const given = new Set<string>();
const MAX_REMEMBERED = 500;
/** Around values of the other direction; a file name must not carry them to another system. */
const DIRECTION_MARKS = /[\u200e\u200f\u061c\u2066-\u2069]/g;

/** `extension` without its dot. Digits and order are those of ISO 8601: names sort by time on every system. */
export function nameNow(
  words: Words,
  what: 'screenshot' | 'voiceNote' | 'photo' | 'video',
  extension: string,
  now = new Date(),
): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const time = `${two(now.getHours())}.${two(now.getMinutes())}`;
  const stem = words.text('nameAt', { what: words.label(what), date, time }).replace(DIRECTION_MARKS, '');
  let name = `${stem}.${extension}`;
  for (let count = 2; given.has(name); count++) name = `${stem} (${count}).${extension}`;
  given.add(name);
  if (given.size > MAX_REMEMBERED) given.delete(given.values().next().value as string);
  return name;
}
