/** The record for people: `docs/performance.md`, the table that the README quotes of it, and the lines of a terminal. */
import type { BenchRecord, RecordedFigure, RecordedWork } from './record.ts';

const DEFAULT_OF = 'chatdrop';

/** Both what is owed and what was found: the README has these very lines. */
function targetTable({ works }: BenchRecord): string[] {
  return [
    '| work | of | measured | floor | goal | median (least to most) | |',
    '|---|---|---|---|---|---|---|',
    ...works.flatMap((work) =>
      work.figures.filter(isHeld).map((figure) => `| ${targetCells(work, figure).join(' | ')} |`),
    ),
  ];
}

/** The whole page. */
export function performancePage(record: BenchRecord): string {
  const { machine, versions, works } = record;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${[
    '# Performance: the figures',
    '',
    '<!-- Written by `npm run bench` out of performance.json; do not edit. -->',
    '',
    'What is measured, and what may be concluded, stands in [the README](../README.md#performance). Medians of all rounds, and the',
    'least and the most. "× plain" is a ratio to the bare @tus/server with its FileStore, which did the same in the same round.',
    '',
    `- Machine: ${machine.processor}, ${machine.memory}, ${machine.system}, ${machine.fileSystem}`,
    `- Versions: ${named.join(', ')}`,
    '',
    '## Floors and goals',
    '',
    ...targetTable(record),
    '',
    '## Each work',
    ...works.flatMap(workLines),
  ].join('\n')}\n`;
}

/** What the README's section holds between these. */
const QUOTE_BEGINS = '<!-- figures of docs/performance.md: begin -->';
const QUOTE_ENDS = '<!-- figures of docs/performance.md: end -->';

/** The README with the table of this record in the place of the one before. @throws when it has no place for one */
export function withQuote(readme: string, record: BenchRecord): string {
  const [begin, end] = [readme.indexOf(QUOTE_BEGINS), readme.indexOf(QUOTE_ENDS)];
  if (begin < 0 || end < begin) throw new Error('README.md has no place for the figures.');
  const table = ['', ...targetTable(record), ''].join('\n');
  return `${readme.slice(0, begin + QUOTE_BEGINS.length)}\n${table}\n${readme.slice(end)}`;
}

/** For `printTable`: a row for each figure that is held to something. */
export function targetRows(works: readonly RecordedWork[]): Record<string, string>[] {
  return works.flatMap((work) =>
    work.figures.filter(isHeld).map((figure) => {
      const [, of = '', what = '', floor = '', goal = '', found = '', met = ''] = targetCells(work, figure);
      return { work: work.id, of, measured: what, floor, goal, 'median (least to most)': found, '': met };
    }),
  );
}

/** For `printTable`: a row for each server of the work, all that was measured of it. */
export function serverRows({ figures }: RecordedWork): Record<string, string>[] {
  const { names, columns, cell } = byServer(figures);
  return names.map((of) => ({ of, ...Object.fromEntries(columns.map((column) => [column, cell(of, column)])) }));
}

function workLines(work: RecordedWork): string[] {
  const title = ['', `### ${work.id}: ${work.title}`, ''];
  if (work.rounds === 0) return [...title, 'Not measured yet.'];
  const { names, columns, cell } = byServer(work.figures);
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const when = `${work.date}, Chatdrop ${work.chatdrop}, ${work.rounds} ${work.rounds === 1 ? 'round' : 'rounds'}, ${work.seconds} s in all.`;
  const table = [
    row(['of', ...columns]),
    row(['---', ...columns.map(() => '---')]),
    ...names.map((of) => row([of, ...columns.map((column) => cell(of, column))])),
  ];
  const found = work.failed === undefined ? table : [`No figures: ${work.failed}`];
  return [...title, when, '', ...found];
}

function byServer(figures: readonly RecordedFigure[]) {
  const names = [...new Set(figures.map(({ of = DEFAULT_OF }) => of))];
  const columnOf = ({ what, unit }: RecordedFigure) => `${what}, ${unit}`;
  const columns = [...new Set(figures.map(columnOf))];
  const cell = (of: string, column: string) => {
    const figure = figures.find((one) => (one.of ?? DEFAULT_OF) === of && columnOf(one) === column);
    return figure === undefined ? '' : found(figure);
  };
  return { names, columns, cell };
}

function targetCells(work: RecordedWork, figure: RecordedFigure): string[] {
  const { of = DEFAULT_OF, what, unit } = figure;
  const bound = (value: number | undefined) => (value === undefined ? '' : shown(value));
  const name = `${work.id}: ${work.title}`;
  return [name, of, `${what}, ${unit}`, bound(figure.floor), bound(figure.goal), found(figure), verdict(figure)];
}

/** Judged by the median. */
function verdict({ measured, better, floor, goal }: RecordedFigure): string {
  if (measured === undefined) return '';
  const reaches = (bound: number) => (better === 'more' ? measured.median >= bound : measured.median <= bound);
  if (goal !== undefined && reaches(goal)) return 'goal met';
  if (floor !== undefined && reaches(floor)) return 'floor met';
  return floor === undefined ? 'goal not met' : '**below the floor**';
}

function found({ measured }: RecordedFigure): string {
  if (measured === undefined) return 'not measured';
  const { median, least, most } = measured;
  return least === most ? shown(median) : `${shown(median)} (${shown(least)} to ${shown(most)})`;
}

function isHeld({ floor, goal }: RecordedFigure): boolean {
  return floor !== undefined || goal !== undefined;
}

/** Three digits say more than the spread allows. */
function shown(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
