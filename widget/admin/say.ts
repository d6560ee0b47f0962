/** The words of the operator's page: numbers with their units, times, and reasons. It is in English, as the command line is. */
import { PROBLEMS } from '../../server/contract/problem.ts';
import { formatsOf } from '../words/formats.ts';

const LOCALE = 'en-GB';
const formats = formatsOf(LOCALE);
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DAY_MS = DAY * 1000;

export const { bytes, number, speed } = formats;

const share = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 });
const shortDay = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const longDay = new Intl.DateTimeFormat(LOCALE, { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const moment = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' });

/** "12.5%"; a dash where there is nothing that it could be of. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : share.format(part / whole);
}

/** "4 s", "3 min", "2 h 5 min", "3 d 4 h". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) return twoOf(whole, HOUR, 'h', MINUTE, 'min');
  return twoOf(whole, DAY, 'd', HOUR, 'h');
}

function twoOf(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeUnit}${rest > 0 ? ` ${rest} ${smallUnit}` : ''}`;
}

/** "0.8 s", "14 s", "2 min": of something that is measured. */
export function seconds(value: number): string {
  return value < 10 ? `${Math.round(value * 10) / 10} s` : duration(value);
}

/** How long before that it was. */
export function age(time: string, at: string): string {
  return duration((Date.parse(at) - Date.parse(time)) / 1000);
}

/** Of a day as `2026-11-28`. */
export const dayShort = (day: string) => shortDay.format(new Date(day));
export const dayLong = (day: string) => longDay.format(new Date(day));
/** By this machine's clock. */
export const timeOfDay = (time: string) => clock.format(new Date(time));
export const fullTime = (time: string) => moment.format(new Date(time));

/** The day so many days before today, in UTC. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
}

/** "1 file", "12 files". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** Why an upload did not become a file. */
export function reason(code: string): string {
  const problem = (PROBLEMS as Record<string, readonly [number, string]>)[code];
  return problem?.[1] ?? (code === '' ? 'For a reason that is not known' : code);
}

export const KIND_WORDS = {
  image: 'Pictures',
  document: 'Documents',
  video: 'Videos',
  audio: 'Audio',
  other: 'Other',
} as const;
