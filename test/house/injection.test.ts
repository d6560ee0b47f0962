/** Where a text could become a command: statements, processes, pages, patterns; and interpreters that are not here at all. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const server = sources('server');
const widget = sources('widget');
/** A constant, one of two words or constants, or a name for such; the last one is a parameter whose type is a list of words. */
function isOfOurs(text: string, part: string): boolean {
  const choice = /\? ('[^']*'|[A-Z_]+\.\w+) : ('[^']*'|[A-Z_]+\.\w+)$/;
  const name = part.replaceAll(/\W/g, '\\$&');
  const constant = /^[A-Z_]+$/.test(part) && new RegExp(`const ${part} =|\\b${part}\\b.* from '`).test(text);
  const chosen = new RegExp(`^ *const ${name} = ([^;]*);`, 'm').exec(text)?.[1];
  const words = new RegExp(`\\b${name}: (?:'\\w+'(?: \\| )?)+[,)]`);
  return constant || choice.test(part) || words.test(text) || choice.test(chosen ?? '');
}

/** Node's names for starting a program, and a process' own for running text. */
const PROCESSES = /\b(?:exec|execFile|execSync|execFileSync|spawnSync|fork)\s*\(|shell:/;

test('a raw statement of SQL is made of constants; values are bound', () => {
  for (const [file, text] of server) {
    const raws = [
      ...text.matchAll(/\.(?:raw|andWhereRaw|orWhereRaw|whereRaw|orderByRaw)\(\s*(`[^`]*`|'[^']*'|[A-Z_]+\b|[^,)]+)/g),
    ];
    for (const [, statement = ''] of raws)
      for (const [, part = ''] of statement.matchAll(/\$\{([^}]+)\}/g))
        expect([file, part, isOfOurs(text, part)]).toEqual([file, part, true]);
  }
});

test('two places start programs, by a list of arguments; the shell between says constant words; nothing runs text', () => {
  const starting = server.filter(([, text]) => /child_process/.test(text)).map(([file]) => file);
  expect(starting.filter((file) => !file.startsWith('server/build/'))).toEqual(STARTING);
  for (const [file, text] of [...server, ...widget].filter(([name]) => !/\/build[./-]/.test(name))) {
    expect([file, PROCESSES.test(text.replaceAll(/\.exec\(/g, '.match('))]).toEqual([file, false]);
    expect([file, /\beval\s*\(|new Function\s*\(|node:vm/.test(text)]).toEqual([file, file === LOADING]);
  }
});
/** The server itself, as the build left it beside this file. */
const LOADING = 'server/prepared/load-script.ts';
const STARTING = ['server/pictures/preview-process.ts', 'server/pictures/run-program.ts'];

test('pages are built of nodes, not of text: no place of the widget writes HTML', () => {
  for (const [file, text] of widget)
    expect([
      file,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|srcdoc/.test(text),
    ]).toEqual([file, false]);
});

test('a pattern is never made of what somebody wrote', () => {
  for (const [file, text] of [...server, ...widget])
    for (const [made] of text.matchAll(/new RegExp\((?:`[^`]*`|[^)]*)/g))
      for (const [, part = ''] of made.matchAll(/\$\{([^}]+)\}/g))
        expect([file, part]).toEqual([file, expect.stringMatching(/^[A-Z_]+$/)]);
});

test('no directory, XML, XPath, LaTeX, GraphQL or spreadsheet is spoken: there is no package for it, and CSV is written in one place', () => {
  const packages = Object.keys(packageJson.dependencies);
  expect(packages.length).toBeGreaterThan(10);
  // An import reads CSV.
  const speaking = packages.filter((name) => name !== 'csv-parse');
  expect(speaking.filter((name) => /ldap|xml|xpath|latex|graphql|xlsx|csv|excel|soap/i.test(name))).toEqual([]);
  const writers = server.filter(([file, text]) => /['"]text\/csv/.test(text) && !file.startsWith('server/rules/'));
  expect(writers.map(([file]) => file)).toEqual(['server/http/statistics-admin-routes.ts']);
  // Its lines are all made by the one function that guards each cell.
  expect(writers[0]?.[1]).not.toMatch(/join\(['"`][,;]/);
});

function sources(folder: string): [string, string][] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length))
    .map((file): [string, string] => [file, readFileSync(join(ROOT, file), 'utf8')]);
}
