/** The figures stand in three places: what a run has written is what the page and the README say. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { allWorks } from '../bench/speed/all-works.ts';
import {
  type BenchRecord,
  heldRecord,
  mergeRecords,
  type RecordedWork,
  readRecord,
  recordedFigures,
} from '../bench/speed/record.ts';
import { performancePage, targetRows, withQuote } from '../bench/speed/render-record.ts';
import type { Target } from '../bench/speed/work.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const record = readRecord(path.join(ROOT, 'docs/performance.json')) as BenchRecord;
const page = readFileSync(path.join(ROOT, 'docs/performance.md'), 'utf8');
const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');

describe('the figures', () => {
  test('of the page are those of the record', () => {
    expect(page).toBe(performancePage(record));
  });

  test('of the README are those of the page, line by line', () => {
    expect(readme).toBe(withQuote(readme, record));
    const quoted = tableOf(readme.slice(readme.indexOf('## Performance')));
    expect(quoted.length).toBeGreaterThan(2);
    expect(quoted).toEqual(tableOf(page));
  });

  test('are held to what the works owe, all of them and in their order', () => {
    const owed = allWorks().flatMap(({ id, targets }) => targets.map((target) => ({ id, ...bounds(target) })));
    const recorded = record.works.flatMap(({ id, figures }) =>
      figures
        .filter(({ floor, goal }) => floor !== undefined || goal !== undefined)
        .map((figure) => ({ id, ...bounds(figure) })),
    );
    expect(recorded).toEqual(owed);
  });
});

describe('a record', () => {
  const targets: Target[] = [
    { what: 'throughput', unit: '× plain', better: 'more', floor: 2, goal: 3 },
    { what: 'CPU', unit: '× plain', better: 'less', floor: 0.5, goal: 0.4 },
    { what: 'memory', unit: 'MiB', better: 'less', goal: 10 },
  ];
  const workOf = (id: string, samples: Record<string, number[]>): RecordedWork => {
    const figures = targets
      .filter(({ what }) => what in samples)
      .map((target) => ({ ...target, samples: samples[target.what] ?? [] }));
    const told = { what: 'speed', of: 'nginx', unit: 'MiB/s', better: 'more' as const, samples: [7] };
    const about = { title: `work ${id}`, date: '2026-01-01', chatdrop: '1', rounds: 3, seconds: 1 };
    return { id, ...about, figures: recordedFigures({ targets }, [...figures, told]) };
  };
  const machine = { processor: 'one', memory: '1 GiB', system: 'Linux', fileSystem: 'ext4' };
  const metIn = (work: RecordedWork) => targetRows([work]).map((row) => [row['median (least to most)'], row['']]);

  test('is judged by the median, in the direction that is better', () => {
    const samples = { throughput: [9, 1, 2.5], CPU: [0.9, 0.1, 0.6], memory: [10, 10, 10] };
    expect(metIn(workOf('a', samples))).toEqual([
      ['2.5 (1 to 9)', 'floor met'],
      ['0.6 (0.1 to 0.9)', '**below the floor**'],
      ['10', 'goal met'],
    ]);
    expect(metIn(workOf('a', { throughput: [3], CPU: [0.5], memory: [11] })).map(([, met]) => met)).toEqual([
      'goal met',
      'floor met',
      'goal not met',
    ]);
  });

  test('has a line for what was owed and not measured', () => {
    expect(metIn(workOf('a', { CPU: [0.4] }))).toEqual([
      ['not measured', ''],
      ['0.4', 'goal met'],
      ['not measured', ''],
    ]);
  });

  test('is held to what is owed today, with what was measured before', () => {
    const known: BenchRecord = { machine, versions: {}, works: [workOf('a', { CPU: [0.45] })] };
    const owed = targets.map((target) => ({ ...target, floor: 0.42, goal: 0.3 }));
    const work = (id: string) => ({ id, title: `work ${id}`, targets: owed, run: async () => [] });
    const held = heldRecord(known, [work('a'), work('b')], { machine, versions: {} });
    expect(held.works.map(metIn)).toEqual([
      [
        ['not measured', ''],
        ['0.45', '**below the floor**'],
        ['not measured', ''],
      ],
      [
        ['not measured', ''],
        ['not measured', ''],
        ['not measured', ''],
      ],
    ]);
    expect(held.works[0]?.figures.at(-1)).toMatchObject({ of: 'nginx', measured: { median: 7 } });
  });

  test('keeps what was known of other works of the same machine, and of no other', () => {
    const known: BenchRecord = {
      machine,
      versions: { Node: '1', nginx: '2' },
      works: [workOf('a', { CPU: [1] }), workOf('c', { CPU: [2] })],
    };
    const measured: BenchRecord = { machine, versions: { Node: '3' }, works: [workOf('b', {}), workOf('a', {})] };
    const merged = mergeRecords(known, measured);
    expect(merged.works.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(merged.works[0]).toEqual(measured.works[1]);
    expect(merged.versions).toEqual({ Node: '3', nginx: '2' });
    const elsewhere = { ...measured, machine: { ...machine, memory: '2 GiB' } };
    expect(() => mergeRecords(known, elsewhere)).toThrow('another machine');
    expect(mergeRecords({ ...known, works: [workOf('a', {})] }, elsewhere)).toBe(elsewhere);
  });
});

/** The first one. */
function tableOf(text: string): string[] {
  const lines = text.slice(text.search(/^\| work /m)).split('\n');
  return lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|')),
  );
}

function bounds({ what, of, unit, better, floor, goal }: Target) {
  return { what, of, unit, better, floor, goal };
}
