/** The README names every setting, error code and route, and nothing that is not there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { PROBLEMS } from '../../server/contract/problem.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../../server/contract/webhook.ts';
import { WEBHOOK_SCHEMAS } from '../../server/http/webhook-schemas.ts';
import { COMMANDS } from '../../server/main.ts';
import { SETTINGS } from '../../server/settings.ts';

const readme = read('README.md');

describe('the README', () => {
  test('has a row for every setting, with its meaning and default, and for no other', () => {
    const rows = new Map(
      [...section('Settings').matchAll(/^\| `([A-Z0-9_]+)` \| (.+) \| (.+) \|$/gm)].map((row) => [row[1], row]),
    );
    expect([...rows.keys()]).toEqual(Object.keys(SETTINGS));
    for (const [name, setting] of Object.entries(SETTINGS)) {
      const [, , meaning, fallback] = rows.get(name) ?? [];
      expect(meaning).toBe(setting.meaning);
      const written = 'fallback' in setting && name !== 'CHAT_ALLOWED_FILE_TYPES' ? setting.fallback : undefined;
      if (written !== undefined)
        expect(`${name} ${fallback}`).toBe(`${name} ${written === '' ? 'none' : `\`${written}\``}`);
    }
  });

  test('has a row for every error code, with its status, and for no other', () => {
    const rows = [...section('Errors').matchAll(/^\| (\d{3}) \| `([a-z-]+)` \|/gm)].map((row) => [
      row[2],
      Number(row[1]),
    ]);
    expect(rows).toEqual(Object.entries(PROBLEMS).map(([code, [status]]) => [code, status]));
  });

  test('has a row for every command, and for no other; each command’s help begins with its words', () => {
    const rows = [...section('Command line').matchAll(/^\| `chatdrop ([a-z-]+(?: [a-z]+)?)/gm)].map((row) => row[1]);
    expect(rows).toEqual([...COMMANDS.keys()]);
    for (const [name, { help }] of COMMANDS) expect(help).toMatch(new RegExp(`^chatdrop \\[?${name}`));
  });

  test('names every route', () => {
    const table = read('server/http/http-app.ts');
    const routes = [...table.matchAll(/\.(get|post|put|delete|options)\(\s*(?:TUS_PATH|[`']([/$][^`']*)[`'])/g)];
    expect(routes.length).toBeGreaterThan(10);
    const named = [...section('API').matchAll(/`(GET|POST|PUT|DELETE|OPTIONS) ([^`]+)`/g)].map(
      ([, verb, path]) => `${verb} ${bare(path)}`,
    );
    for (const [, verb, path] of routes) expect(named).toContain(`${String(verb).toUpperCase()} ${bare(path)}`);
  });
});

test('the examples of webhooks are what is sent', () => {
  const examples = [...read('docs/webhooks.md').matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text]) =>
    JSON.parse(String(text)),
  );
  expect(examples.map(({ type }) => type)).toEqual(WEBHOOK_EVENTS);
  for (const example of examples) WEBHOOK_SCHEMAS[example.type as WebhookEvent].parse(example);
});

test('the command of the README is there in a checkout where nothing was built', () => {
  const file = fileURLToPath(new URL(`../../${packageJson.bin.chatdrop}`, import.meta.url));
  expect(file).not.toContain('/dist/');
  const { stdout, status } = spawnSync(process.execPath, [file, '--version'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, `${packageJson.version}\n`]);
});

test('what the words on deployment name is there', () => {
  const named = [...section('Deployment').matchAll(/deploy\/[\w./-]*\w/g)].map(([path]) => path);
  const more = [...read('deploy/README.md').matchAll(/^\| (.+) \|.+\|$/gm)]
    .flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)])
    .map(([, path]) => `deploy/${path}`);
  expect([named.length, more.length].every((count) => count > 5)).toBe(true);
  for (const path of [...named, ...more])
    expect([path, existsSync(new URL(`../../${path}`, import.meta.url))]).toEqual([path, true]);
});

test('the map names every folder of the server, and no file of it is missing from the house', () => {
  const map = read('server/README.md');
  for (const folder of [
    'contract',
    'rules',
    'auth',
    'database',
    'storage',
    'sharing',
    'upload',
    'http',
    'realtime',
    'jobs',
    'commands',
  ]) {
    expect(map).toContain(`${folder}/`);
  }
});

/** A route's path without its parameters' names and last slash; TUS_PATH, a constant, comes as undefined. */
function bare(path = '/api/chat/tus'): string {
  const media = path.replace(/^\$\{needs\.mediaPath\}/, '/media/').replace(/^\$\{TUS_PATH\}/, '/api/chat/tus');
  return media.replaceAll(/:[a-z]+|\{\*?[a-z]+\}/g, '{}').replace(/(.)\/$/, '$1');
}

function section(title: string): string {
  const start = readme.search(new RegExp(`^#+ ${title}$`, 'm'));
  expect(start, `the README has a section “${title}”`).toBeGreaterThan(0);
  const level = readme.slice(start).match(/^#+/)?.[0] ?? '##';
  const end = readme.slice(start + 3).search(new RegExp(`^#{2,${level.length}} `, 'm'));
  return readme.slice(start, end === -1 ? undefined : start + 3 + end);
}

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
