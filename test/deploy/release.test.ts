/** The workflow that builds the executables elsewhere: what it names is there, and its steps are shell that can be read. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };

type Step = { run?: string; uses?: string };
type Job = { steps: Step[]; strategy?: { matrix: { include: { platform: string; runner: string; file: string }[] } } };

const PROJECT = path.join(import.meta.dirname, '../..');
const run = promisify(execFile);
const workflow = parse(await readFile(path.join(PROJECT, '.github/workflows/release.yml'), 'utf8'));
const jobs: Record<string, Job> = workflow.jobs;
const steps = Object.values(jobs).flatMap((job) => job.steps);

test('it builds for every machine that the project brings a Node for, and the page on it names each', async () => {
  const platforms = (jobs.executable?.strategy?.matrix.include ?? []).map(({ platform }) => platform);
  const brought = Object.keys(packageJson.optionalDependencies).map((name) => name.replace(/^node-(?:bin-)?/, ''));
  expect(platforms.sort()).toEqual(brought.sort());
  const page = await readFile(path.join(PROJECT, 'docs/executable.md'), 'utf8');
  for (const words of ['Linux x64', 'Linux arm64', 'macOS x64 and arm64', 'Windows x64 and arm64'])
    expect(page).toContain(`| ${words} |`);
});

test('its steps run scripts that there are, are shell that can be read, and only the last job may write', async () => {
  const scripts = steps.flatMap(({ run: text = '' }) =>
    [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name),
  );
  expect(scripts).toEqual(['build:executable']);
  for (const name of scripts) expect(Object.keys(packageJson.scripts)).toContain(name);
  for (const { run: text } of steps)
    if (text !== undefined) await run('bash', ['-n', '-c', text.replaceAll(/\$\{\{.*?\}\}/g, 'value')]);
  expect(workflow.permissions).toEqual({ contents: 'read' });
  const writing = Object.entries(jobs).filter(([, job]) => JSON.stringify(job).includes('"contents":"write"'));
  expect(writing.map(([name]) => name)).toEqual(['release']);
});
