/**
 * Speed, beside other servers: `npm run bench` measures all works of `speed/all-works.ts` and writes what it found to docs/performance.md.
 *
 *   npm run bench -- [works …] [--rounds 7] [--quick] [--servers NAMES] [--write]      of small files three times the rounds
 *   npm run bench -- owed      works, floors and goals that are new go into the files; nothing is measured
 *   npm run bench -- syncs     whether an answer leaves before its bytes are on the disk
 *
 * Some works, fewer rounds than seven or other servers are printed and not written, unless `--write` says so; then they take the place of
 * what was known of these works.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { printTable } from './print-table.ts';
import { allWorks } from './speed/all-works.ts';
import { chatdropVersion, commonVersions, thisMachine } from './speed/machine.ts';
import {
  type BenchRecord,
  heldRecord,
  mergeRecords,
  type RecordedWork,
  readRecord,
  recordedFigures,
  writeRecord,
} from './speed/record.ts';
import { performancePage, serverRows, targetRows, withQuote } from './speed/render-record.ts';
import { buildServers, SERVER_NAMES, type ServerName } from './speed/servers.ts';
import { measureSyncs, syncRows } from './speed/syncs.ts';
import type { Work } from './speed/work.ts';

const PROJECT = path.join(import.meta.dirname, '../..');
const RECORD = path.join(PROJECT, 'docs/performance.json');
const PAGE = path.join(PROJECT, 'docs/performance.md');
const README = path.join(PROJECT, 'README.md');
/** What the table owes. */
const LEAST_ROUNDS = 7;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: String(LEAST_ROUNDS) },
    quick: { type: 'boolean', default: false },
    servers: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
// What the servers and folders of a run hang on is the end of this process, and a signal alone is none.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds wants a number from 1.');
if (values.write && values.quick) throw new Error('A quick run has no figures to write.');
if (positionals[0] === 'owed') write(heldRecord(readRecord(RECORD), allWorks(), here()));
else if (positionals[0] === 'syncs') await followServer();
else await run();

async function run(): Promise<void> {
  const servers = values.servers === undefined ? null : values.servers.split(',').map(serverName);
  const works = chosen(allWorks(servers));
  const isWhole = positionals.length === 0 && rounds >= LEAST_ROUNDS && !values.quick && servers === null;
  const startedAt = performance.now();
  await buildServers();
  const { machine, versions } = here();
  const measured: RecordedWork[] = [];
  for (const work of works) measured.push(await runWork(work, versions));

  printTable('Floors and goals', targetRows(measured));
  for (const { id, failed } of measured) if (failed !== undefined) process.stdout.write(`\n${id} failed: ${failed}\n`);
  process.stdout.write(`\n${works.length} works in ${secondsSince(startedAt)} s\n`);
  if (isWhole || values.write) write(mergeRecords(readRecord(RECORD), { machine, versions, works: measured }));
  if (measured.some(({ failed }) => failed !== undefined)) process.exitCode = 1;
}

/** That a server without fsync is found out is seen with `--servers 'chatdrop without fsync'`. */
async function followServer(): Promise<void> {
  await buildServers();
  const name = serverName(values.servers ?? 'chatdrop');
  const findings = await measureSyncs(name);
  printTable(`Syncs of ${name}: 100 small files and a long one`, syncRows(findings));
  for (const fault of findings.faults) process.stdout.write(`${fault}\n`);
  if (findings.faults.length > 0) process.exitCode = 1;
}

function here() {
  return { machine: thisMachine(), versions: commonVersions() };
}

/** A fault of one is told with the figures of the others. */
async function runWork(work: Work, versions: Record<string, string>): Promise<RecordedWork> {
  const workStartedAt = performance.now();
  const found = await work
    .run({
      rounds,
      quick: values.quick,
      progress: (text) => process.stdout.write(`${work.id}  ${text}\n`),
      version: (name, version) => {
        versions[name] = version;
      },
    })
    .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  const recorded: RecordedWork = {
    id: work.id,
    title: work.title,
    date: new Date().toISOString().slice(0, 10),
    chatdrop: chatdropVersion(),
    rounds: found instanceof Error ? rounds : Math.max(...found.map(({ samples }) => samples.length)),
    seconds: secondsSince(workStartedAt),
    ...(found instanceof Error && { failed: found.message.split('\n')[0] ?? '' }),
    figures: recordedFigures(work, found instanceof Error ? [] : found),
  };
  if (found instanceof Error) process.stderr.write(`${work.id}  ${found.stack}\n`);
  else printTable(`${work.id}: ${work.title}`, serverRows(recorded));
  return recorded;
}

function write(record: BenchRecord): void {
  const readme = withQuote(readFileSync(README, 'utf8'), record);
  writeRecord(RECORD, record);
  writeFileSync(PAGE, performancePage(record));
  writeFileSync(README, readme);
  process.stdout.write('Written: docs/performance.json, docs/performance.md, and the table in README.md\n');
}

function chosen(all: readonly Work[]): Work[] {
  if (positionals.length === 0) return [...all];
  return positionals.map((id) => {
    const work = all.find((one) => one.id === id);
    if (work === undefined) throw new Error(`There is no work ${id}, only ${all.map((one) => one.id).join(', ')}.`);
    return work;
  });
}

function serverName(name: string): ServerName {
  const known = SERVER_NAMES.find((one) => one === name);
  if (known === undefined) throw new Error(`There is no server ${name}, only ${SERVER_NAMES.join(', ')}.`);
  return known;
}

function secondsSince(milliseconds: number): number {
  return Math.round((performance.now() - milliseconds) / 1000);
}
