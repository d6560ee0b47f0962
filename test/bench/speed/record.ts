/** What a run found, as `docs/performance.json` keeps it: medians and spread of each figure, and what they were measured on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { median } from '../print-table.ts';
import type { Figure, Target, Work } from './work.ts';

export type Machine = { processor: string; memory: string; system: string; fileSystem: string };

/** `measured` is missing where the run brought no figure for a target. */
export type RecordedFigure = Target & { measured?: { median: number; least: number; most: number } };

export type RecordedWork = {
  id: string;
  title: string;
  /** When it was measured, of which Chatdrop, in how many rounds (0: it was not yet) and seconds. */
  date: string;
  chatdrop: string;
  rounds: number;
  seconds: number;
  /** Why there are no figures. */
  failed?: string;
  figures: RecordedFigure[];
};

export type BenchRecord = { machine: Machine; versions: Record<string, string>; works: RecordedWork[] };

const SIGNIFICANT_DIGITS = 4;

/** Targets first, as the work lists them; what is only told comes after them. */
export function recordedFigures({ targets }: Pick<Work, 'targets'>, figures: readonly Figure[]): RecordedFigure[] {
  const held = targets.map((target) => withMeasured(target, measuredOf(figures.find(isOf(target)))));
  const told = figures.filter((figure) => !targets.some(isOf(figure)));
  return [...held, ...told.map((figure) => withMeasured(figure, measuredOf(figure)))];
}

/** What is owed today, with what is known of it: floors and goals may have changed since, and works have come. */
export function heldRecord(
  known: BenchRecord | null,
  works: readonly Work[],
  here: Omit<BenchRecord, 'works'>,
): BenchRecord {
  const unmeasured = { date: '', chatdrop: '', rounds: 0, seconds: 0, figures: [] };
  return {
    ...here,
    ...known,
    works: works.map(({ id, title, targets }) => {
      const work = known?.works.find((one) => one.id === id) ?? unmeasured;
      const measuredOf = (target: Target) => work.figures.find(isOf(target))?.measured;
      const held = targets.map((target) => withMeasured(target, measuredOf(target)));
      const told = work.figures.filter((figure) => !targets.some(isOf(figure)));
      return {
        ...work,
        id,
        title,
        figures: [...held, ...told.map(({ floor: _floor, goal: _goal, ...figure }) => figure)],
      };
    }),
  };
}

/** The works that were measured now take the place of what was known of them. @throws when that was another machine */
export function mergeRecords(known: BenchRecord | null, measured: BenchRecord): BenchRecord {
  if (known === null) return measured;
  const isAll = known.works.every(({ id }) => measured.works.some((work) => work.id === id));
  if (isAll) return measured;
  if (JSON.stringify(known.machine) !== JSON.stringify(measured.machine)) {
    throw new Error('The other figures are of another machine: measure all works anew.');
  }
  const works = new Map([...known.works, ...measured.works].map((work) => [work.id, work]));
  return {
    machine: measured.machine,
    versions: { ...known.versions, ...measured.versions },
    works: [...works.values()].sort((one, other) => (one.id < other.id ? -1 : 1)),
  };
}

export function readRecord(file: string): BenchRecord | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function writeRecord(file: string, record: BenchRecord): void {
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
}

function isOf(target: Target): (other: Target) => boolean {
  return (other) => other.what === target.what && other.of === target.of;
}

/** The fields of a target, in one order, and nothing else. */
function withMeasured(
  { what, of, unit, better, floor, goal }: Target,
  measured: RecordedFigure['measured'],
): RecordedFigure {
  const target = { what, of, unit, better, floor, goal };
  return measured === undefined ? target : { ...target, measured };
}

function measuredOf(figure: Figure | undefined): RecordedFigure['measured'] {
  const samples = figure?.samples ?? [];
  if (samples.length === 0) return undefined;
  return {
    median: rounded(median(samples)),
    least: rounded(Math.min(...samples)),
    most: rounded(Math.max(...samples)),
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(SIGNIFICANT_DIGITS));
}
