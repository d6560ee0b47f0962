/** The table of ASVS 5.0: no requirement of its sections is missing, and every test that it names is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { AUDIT_ACTIONS } from '../../server/database/audit-table.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** How many requirements each section of the standard has; they are numbered from 1. */
const SECTIONS: Record<string, number> = {
  '5.1': 1,
  '5.2': 6,
  '5.3': 3,
  '5.4': 3,
  '1.2': 10,
  '3.4': 8,
  '3.5': 8,
  '4.1': 5,
  '4.4': 4,
  '8.2': 4,
  '8.3': 3,
  '8.4': 2,
  '9.1': 3,
  '9.2': 4,
  '14.2': 8,
  '16.1': 1,
  '16.2': 5,
  '16.3': 4,
  '16.4': 3,
  '16.5': 4,
};

const rows = read('test/asvs/README.md')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.slice(2, -2).split(' | '));

describe('test/asvs/README.md', () => {
  test('has a row for each requirement of its sections, and no other, in their order', () => {
    const numbers = Object.entries(SECTIONS).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, at) => `${section}.${at + 1}`),
    );
    expect(rows.map(([number]) => number)).toEqual(numbers);
  });

  test('says of each what it asks, whether that holds, and how', () => {
    for (const [number, level, asks, holds, how, shown, ...more] of rows) {
      expect([number, level]).toEqual([number, expect.stringMatching(/^[123]$/)]);
      expect([number, holds]).toEqual([number, expect.stringMatching(/^(?:yes|setting|partly|n\/a)$/)]);
      for (const text of [asks, how, shown]) expect([number, String(text).length > 10]).toEqual([number, true]);
      expect([number, more]).toEqual([number, []]);
    }
  });

  test('names tests that are there, each by its file and title', () => {
    for (const [number = '', , , , , shown = ''] of rows)
      for (const one of shown.split('<br>')) {
        const [, file = '', title = ''] = /^`(test\/[\w./-]+\.test\.ts)` (.+)$/.exec(one) ?? [];
        expect([number, one, existsSync(join(ROOT, file)) && file !== '']).toEqual([number, one, true]);
        expect([number, file, title, titlesOf(file).has(title)]).toEqual([number, file, title, true]);
      }
  });
});

test('the README’s inventory names every event of the log and every deed of the audit', () => {
  const readme = read('README.md');
  const part = (from: string, to: string) =>
    readme.slice(readme.indexOf(`\n## ${from}\n`), readme.indexOf(`\n## ${to}\n`));
  const events = [...read('server/http/security-log.ts').matchAll(/event: '(\w+)'/g)].map(([, event]) => event);
  expect(events.length).toBeGreaterThan(2);
  for (const event of events) expect(part('Logs', 'Deployment')).toContain(`\n| \`${event}\` |`);
  for (const deed of AUDIT_ACTIONS) expect(part('The audit', 'Logs')).toMatch(new RegExp(`^\\|[^|]*\`${deed}\``, 'm'));
});

test('the log goes to standard output and nowhere else', () => {
  const files = readdirSync(join(ROOT, 'server'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length));
  const writing = files.filter((file) => /\bpino\(|pino\.(?:destination|transport)|console\./.test(read(file)));
  expect(writing.filter((file) => !file.startsWith('server/build/'))).toEqual(['server/commands/create-log.ts']);
  expect(read('server/commands/create-log.ts')).not.toMatch(/destination|transport|createWriteStream/);
});

const titles = new Map<string, Set<string>>();

/** Of tests, and of what they stand in: the first argument, a text, before a function. */
function titlesOf(file: string): Set<string> {
  const known = titles.get(file);
  if (known !== undefined) return known;
  const found = [
    ...read(file).matchAll(
      /(?:\b(?:test|it|describe)|\))\(\s*(['"`])((?:(?!\1)[^\\\n]|\\.)*)\1\s*,\s*(?:async\s*)?\(/g,
    ),
  ].map(([, , title = '']) => title);
  titles.set(file, new Set(found));
  return new Set(found);
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
