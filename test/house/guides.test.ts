/** The documentation says what is there: commands, settings, links and anchors, on GitHub and on the site that is built of it. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { assemble } from '../../docs/site/assemble.ts';
import { parse } from '../../docs/site/markdown.ts';
import { NAVIGATION } from '../../docs/site/navigation.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type Context, UsageError } from '../../server/commands/command.ts';
import { PROBLEMS } from '../../server/contract/problem.ts';
import { PROBLEM_GUIDE } from '../../server/http/problem-guide.ts';
import { COMMANDS } from '../../server/main.ts';
import { SETTINGS } from '../../server/settings.ts';
import { en as EN } from '../../widget/words/en.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const GUIDES = globSync('docs/**/*.md', { cwd: ROOT }).sort();
/** Names the settings of the other service too. */
const MIGRATING = 'docs/migrate-from-django.md';
/** Settings of the program that runs us. */
const OF_NODE = ['NODE_OPTIONS'];
/** What is told to people outside: each link and command in it is looked at. */
const DOCUMENTS = ['README.md', 'deploy/README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...GUIDES];

describe('the site', () => {
  const entries = NAVIGATION.flatMap((group) => group.entries);

  test('has every guide in its navigation', () => {
    const named = new Set(entries.map(({ from }) => from));
    expect(GUIDES.filter((file) => !named.has(file))).toEqual([]);
    expect(new Set(entries.map(({ page }) => page)).size).toBe(entries.length);
  });

  test('is built, and in what was built every link leads to a page and to an anchor of it', () => {
    const out = mkdtempSync(path.join(tmpdir(), 'chatdrop-site-'));
    onTestFinished(() => rmSync(out, { recursive: true, force: true }));
    const built = spawnSync(process.execPath, ['docs/site/build.ts', out], { cwd: ROOT, encoding: 'utf8' });
    expect([built.status, built.stderr]).toEqual([0, '']);
    const pages = new Map(
      globSync('**/*.html', { cwd: out }).map((file) => [file, readFileSync(path.join(out, file), 'utf8')]),
    );
    expect(pages.size).toBeGreaterThan(Object.keys(PROBLEMS).length + 25);
    const dead: string[] = [];
    for (const [file, html] of pages)
      for (const [, address = ''] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
        if (/^(?:https?|mailto):/.test(address)) continue;
        const [target = '', anchor] = address.split('#');
        const page = target === '' ? file : path.posix.join(path.posix.dirname(file), target);
        const isThere = pages.has(page) || existsSync(path.join(out, page));
        if (!isThere || (anchor && !pages.get(page)?.includes(`id="${anchor}"`))) dead.push(`${file}: ${address}`);
      }
    expect(dead).toEqual([]);
  });

  test('has a row for every setting, and a page for every error code', () => {
    const { pages } = assemble();
    const settings = pages.find(({ page }) => page === 'settings')?.document.headings.map(({ title }) => title) ?? [];
    expect(settings.filter((title) => title in SETTINGS)).toEqual(Object.keys(SETTINGS));
    const problems = pages.filter(({ page }) => page.startsWith('problems/') && page !== 'problems/index');
    expect(problems.map(({ page }) => page)).toEqual(Object.keys(PROBLEMS).map((code) => `problems/${code}`));
  });

  test('has the runbooks that error codes name', () => {
    const anchors = parse(read('docs/runbooks.md')).headings.map(({ anchor }) => anchor);
    for (const { runbook } of Object.values(PROBLEM_GUIDE))
      if (runbook !== undefined) expect(anchors).toContain(runbook);
  });
});

describe.each(DOCUMENTS)('%s', (file) => {
  const text = read(file);

  test('every relative link leads to a file, and to a heading of it', () => {
    const dead = linksOf(text).filter((href) => {
      const [relative = '', anchor] = href.split('#');
      const target = relative === '' ? file : path.posix.join(path.posix.dirname(file), relative);
      if (!existsSync(path.join(ROOT, target))) return true;
      return anchor !== undefined && !parse(read(target)).headings.some((heading) => heading.anchor === anchor);
    });
    expect(dead).toEqual([]);
  });

  test('every command line is understood by the command that it calls', async () => {
    for (const words of shellLinesOf(text).flatMap(commandsIn))
      expect(await faultOf(words), words.join(' ')).toBeNull();
  });

  test('every setting that is named is one', () => {
    const families = new Set(Object.keys(SETTINGS).map((name) => name.replace(/_.*$/, '')));
    const named = [...text.matchAll(/(?<![\w$]|TEST_)([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w*])/g)].map(
      ([, name = '']) => name,
    );
    const unknown = named.filter(
      (name) =>
        file !== MIGRATING && families.has(name.replace(/_.*$/, '')) && !(name in SETTINGS) && !OF_NODE.includes(name),
    );
    expect([...new Set(unknown)]).toEqual([]);
  });
});

test.each(['visitor', 'agent'])('what the guide of a %s has in bold is what the pages say', (who) => {
  const said = new Set<string>(
    Object.values(EN).flatMap((words) => (typeof words === 'string' ? words : Object.values(words))),
  );
  const named = [...read(`docs/getting-started/${who}.md`).matchAll(/\*\*([^*]+)\*\*/g)].map(([, words = '']) =>
    words.replaceAll('\n', ' '),
  );
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((words) => !said.has(words))).toEqual([]);
});

test('the workflow that publishes the site runs scripts that there are', () => {
  const scripts = [...read('.github/workflows/docs.yml').matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
  expect(scripts).toEqual(['docs']);
  expect(Object.keys(packageJson.scripts)).toEqual(expect.arrayContaining(scripts));
});

test('the guides and runbooks have commands at all', () => {
  const calls = GUIDES.flatMap((file) => shellLinesOf(read(file)).flatMap(commandsIn));
  expect(calls.length).toBeGreaterThan(25);
});

/** Lines of the blocks that are meant to be typed; those that go on are put together. */
function shellLinesOf(text: string): string[] {
  return parse(text)
    .tokens.filter(({ type, info }) => type === 'fence' && /^(?:sh|bash)$/.test(info))
    .flatMap(({ content }) => content.replaceAll(/\\\n\s*/g, ' ').split('\n'));
}

/** What is called in the line: settings before it, npx or a folder do not matter. */
function commandsIn(line: string): string[][] {
  const calls = line.split(/\|\||&&|[|;&()]/).map((call) =>
    call
      .replace(/\s#.*$/, '')
      .replace(/\s*>.*$/, '')
      .trim(),
  );
  return calls.flatMap((call) => {
    const [, words] =
      /^(?:[A-Z_]+=\S+ )*(?:npx |docker exec chatdrop |systemd-run .*)?(?:\.\/|\/usr\/local\/bin\/)?chatdrop (.*)$/.exec(
        call,
      ) ?? [];
    // `chatdrop() {` names a function of the shell, `"$@"` is what it is given.
    if (words === undefined || /^[{"]/.test(words)) return [];
    return [
      (words.match(/'[^']*'|"[^"]*"|[^\s'"]+(?:'[^']*'|"[^"]*")?/g) ?? []).map((word) => word.replaceAll(/['"]/g, '')),
    ];
  });
}

/** Each command reads its words before it asks for the settings; there are none here, so none does anything. */
async function faultOf(words: string[]): Promise<string | null> {
  const name = [words.slice(0, 2).join(' '), words[0] ?? ''].find((candidate) => COMMANDS.has(candidate));
  if (name === undefined) return 'there is no such command';
  const context: Context = {
    print() {},
    note() {},
    output: () => new PassThrough().resume(),
    input: () => Readable.from([]),
    config() {
      throw new Error('no settings here');
    },
    signalled: () => new Promise(() => {}),
  };
  try {
    await COMMANDS.get(name)?.run(words.slice(name.split(' ').length), context);
    return null;
  } catch (error) {
    return error instanceof UsageError ? error.message : null;
  }
}

function linksOf(text: string): string[] {
  return parse(text)
    .tokens.flatMap(({ children }) => children ?? [])
    .flatMap((token) => [token.attrGet('href'), token.attrGet('src')])
    .filter((href): href is string => typeof href === 'string' && !/^[a-z]+:/i.test(href));
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}
