/** From what was counted to what is read: sums of days, the median of the time to a chat's first file, lines of CSV. */
import { FILE_KINDS, type FileKind } from '../contract/file-filter.ts';
import type { DayNumbers } from '../contract/operator.ts';

export type Count = { measure: string; detail: string; total: number; bytes: number };

/** Refusals with a column of their own in the CSV, in this order; whatever else is refused is in `refused_other`. */
export const REFUSED_COLUMNS = [
  'file-too-large',
  'type-not-allowed',
  'type-mismatch',
  'executable',
  'archive-refused',
  'encrypted',
  'checksum-mismatch',
  'infected',
  'unscannable',
  'rate-limited',
  'quota-exceeded',
  'storage-full',
  'scanner-unavailable',
] as const;

const DAY_MS = 86_400_000;
const LONGER = 'longer';
const MAX_CELL_CHARACTERS = 32_767;

/** Adds counts as they come. */
export function createSum() {
  const kinds = Object.fromEntries(FILE_KINDS.map((kind) => [kind, 0])) as Record<FileKind, number>;
  const refused: Record<string, number> = {};
  const plain = { begun: 0, resumed: 0, saved: 0, aborted: 0, expired: 0 };
  const steps = new Map<string, number>();
  let bytes = 0;
  return {
    add({ measure, detail, total, bytes: more }: Count): void {
      if (measure === 'file') {
        kinds[detail as FileKind] = (kinds[detail as FileKind] ?? 0) + total;
        bytes += more;
      } else if (measure === 'refused') refused[detail] = (refused[detail] ?? 0) + total;
      else if (measure === 'first_file') steps.set(detail, (steps.get(detail) ?? 0) + total);
      else if (Object.hasOwn(plain, measure)) plain[measure as keyof typeof plain] += total;
    },

    numbers(): DayNumbers {
      return {
        files: sumOf(Object.values(kinds)),
        bytes,
        kinds: { ...kinds },
        uploads_begun: plain.begun,
        uploads_resumed: plain.resumed,
        uploads_saved: plain.saved,
        uploads_cancelled: plain.aborted,
        uploads_expired: plain.expired,
        refused: { ...refused },
        first_file_chats: sumOf([...steps.values()]),
        first_file_median_seconds: medianOf(stepsOf(steps)),
      };
    },

    steps: () => stepsOf(steps),
  };
}

type Step = { up_to_seconds: number | null; chats: number };

function stepsOf(steps: ReadonlyMap<string, number>): Step[] {
  return [...steps]
    .map(([end, chats]) => ({ up_to_seconds: end === LONGER ? null : Number(end), chats }))
    .sort((one, other) => (one.up_to_seconds ?? Infinity) - (other.up_to_seconds ?? Infinity));
}

/**
 * Of what is known by steps only: as if the chats of the step in which the middle lies were spread evenly over it. Of what
 * took longer than the last step only that is known, so the answer is its end then. @returns seconds, one decimal
 */
export function medianOf(steps: readonly Step[]): number | null {
  const all = sumOf(steps.map(({ chats }) => chats));
  if (all === 0) return null;
  let before = 0;
  for (const { up_to_seconds: end, chats } of steps) {
    if (end === null) return LAST_STEP_SECONDS;
    if (before + chats >= all / 2) {
      const begin = STEP_BEGINS.get(end) ?? 0;
      return Math.round((begin + ((end - begin) * (all / 2 - before)) / chats) * 10) / 10;
    }
    before += chats;
  }
  return null;
}

/** As migration 0021 has them; a step begins where the one before it ends. */
const STEP_ENDS = [
  ...[1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1800],
  ...[3600, 7200, 14_400, 28_800, 86_400],
];
const STEP_BEGINS = new Map(STEP_ENDS.map((end, at) => [end, STEP_ENDS[at - 1] ?? 0]));
const LAST_STEP_SECONDS = STEP_ENDS.at(-1) as number;

/** `2026-11-28` → days since 1970, and back. */
export function dayNumber(date: string): number {
  return Date.parse(date) / DAY_MS;
}

export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The first line of the CSV: what stands in each column. */
export const CSV_COLUMNS: readonly string[] = [
  ...['day', 'company_id', 'files', 'bytes'],
  ...FILE_KINDS.map((kind) => `files_${kind}`),
  ...['uploads_begun', 'uploads_resumed', 'uploads_saved', 'uploads_cancelled', 'uploads_expired'],
  'refused',
  ...REFUSED_COLUMNS.map((code) => `refused_${code.replaceAll('-', '_')}`),
  ...['refused_other', 'first_file_chats', 'first_file_median_seconds'],
];

/** A line of the CSV, for a day of a company. */
export function csvRow(day: number, company: string, numbers: DayNumbers): string {
  const { kinds, refused } = numbers;
  const all = sumOf(Object.values(refused));
  const named = REFUSED_COLUMNS.map((code) => refused[code] ?? 0);
  return csvLine([
    ...[dateOf(day), company, numbers.files, numbers.bytes],
    ...FILE_KINDS.map((kind) => kinds[kind]),
    ...[numbers.uploads_begun, numbers.uploads_resumed, numbers.uploads_saved],
    ...[numbers.uploads_cancelled, numbers.uploads_expired, all],
    ...named,
    all - sumOf(named),
    numbers.first_file_chats,
    numbers.first_file_median_seconds ?? '',
  ]);
}

/**
 * RFC 4180. Text that a spreadsheet would take for a formula (`=1+1`, `-a`, `@b`) gets an apostrophe before it, which is what
 * spreadsheets themselves mark text with.
 */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = (/^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value).slice(0, MAX_CELL_CHARACTERS);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
