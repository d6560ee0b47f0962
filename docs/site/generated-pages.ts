/** Pages that are made of the server's own tables: the settings, and a page for each error code. As Markdown, by path. */
import { PROBLEMS, type ProblemCode } from '../../server/contract/problem.ts';
import { PROBLEM_GUIDE } from '../../server/http/problem-guide.ts';
import { SETTINGS, type Setting } from '../../server/settings.ts';

/** A topic begins with this setting and goes on to the next topic, in the order of the table. */
const TOPICS: readonly { first: keyof typeof SETTINGS; title: string; more?: string }[] = [
  { first: 'PORT', title: 'Addresses and folders', more: 'README.md#deployment' },
  { first: 'JWT_SECRET', title: 'Tokens, links and the operator', more: 'README.md#keys' },
  { first: 'CHAT_MAX_FILE_SIZE', title: 'Files and limits', more: 'README.md#limits' },
  { first: 'DATABASE_URL', title: 'Database and nodes', more: 'README.md#several-nodes' },
  { first: 'CLAMAV_URL', title: 'Virus scanner', more: 'README.md#virus-scanning' },
  { first: 'WEBHOOK_ALLOW_PRIVATE', title: 'Webhooks', more: 'docs/webhooks.md' },
  { first: 'LOG_LEVEL', title: 'The process', more: 'README.md#logs' },
  { first: 'USE_S3_STORAGE', title: 'Files in S3', more: 'README.md#files-in-s3' },
  { first: 'FILE_UPLOAD_MAX_MEMORY_SIZE', title: 'Of the original service' },
];
/** Nobody would set a setting to it: what a reader says of it is what the setting takes. */
const NO_VALUE = '?';

/** By path in the project, as if they lay there. `readme`: for which field of a policy stands in the place of which setting. */
export function generatedPages(readme: string): Map<string, string> {
  const pages = new Map([['docs/settings.md', settingsPage(policyFields(readme))]]);
  pages.set('docs/problems/index.md', problemList());
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) pages.set(`docs/problems/${code}.md`, problemPage(code));
  return pages;
}

function settingsPage(fieldsOf: Map<string, string[]>): string {
  const lines = [
    '# Settings',
    'Environment variables. All are checked at start; every mistake is named at once, with an example. Sizes are powers of 1024, ' +
      'an empty variable is a missing one. This page is made of the table that the server reads them by.',
  ];
  for (const [name, setting] of Object.entries(SETTINGS) as [keyof typeof SETTINGS, Setting<unknown>][]) {
    const topic = TOPICS.find(({ first }) => first === name);
    if (topic) lines.push(`## ${topic.title}`);
    if (topic?.more) lines.push(`See also [${titleOf(topic.more)}](../${topic.more}).`);
    lines.push(
      `### \`${name}\``,
      sentence(setting.meaning),
      `| | |\n|---|---|\n${rowsOf(name, setting, fieldsOf).join('\n')}`,
    );
  }
  return `${lines.join('\n\n')}\n`;
}

function rowsOf(name: string, setting: Setting<unknown>, fieldsOf: Map<string, string[]>): string[] {
  const fallback =
    setting.fallback === undefined ? 'not set' : setting.fallback === '' ? 'none' : `\`${setting.fallback}\``;
  const example = /[`"]|^the /.test(setting.example) ? setting.example : `\`${name}=${setting.example}\``;
  const others = [...setting.meaning.matchAll(/`([A-Z0-9_]+)`/g)]
    .map(([, other]) => other)
    .filter((other) => other !== name);
  const named = Object.entries(SETTINGS).flatMap(([other, { meaning }]) =>
    meaning.includes(`\`${name}\``) ? [other] : [],
  );
  const goesWith = [...new Set([...others, ...named])].filter((other) => other !== undefined && other in SETTINGS);
  const fields = fieldsOf.get(name) ?? [];
  return [
    `| default | ${fallback} |`,
    `| takes | ${kindOf(setting)} |`,
    `| example | ${example} |`,
    ...(goesWith.length > 0 ? [`| see also | ${goesWith.map((other) => `\`${other}\``).join(', ')} |`] : []),
    ...(fields.length > 0
      ? [
          `| for one company | ${fields.map((field) => `\`${field}\``).join(', ')} of [its policy](../README.md#a-policy-for-each-company) |`,
        ]
      : []),
  ];
}

/** In the words with which its reader refuses everything else. */
function kindOf({ read, example, secret, fallback }: Setting<unknown>): string {
  if (secret) return 'a secret: it is never printed';
  const plural = [example, fallback].some((text) => isList(read, text)) ? ', or several with commas between them' : '';
  try {
    read(NO_VALUE);
    return `text${plural}`;
  } catch (fault) {
    const says = (fault as Error).message;
    return (
      says
        .replace(/^is neither (\S+) nor (.+)$/, '`$1` or `$2`')
        .replace(/^begins neither with (\S+) nor with (.+)$/, 'what begins with `$1` or `$2`')
        .replace(/^does not begin with/, 'what begins with')
        .replace(/^is none of (.+)$/, (_all, words: string) => `one of ${words.replaceAll(/\w+/g, '`$&`')}`)
        .replace(/^is (?:not|no) (?:an? )?/, '')
        .replace(/^holds “\?”, which is no /, '')
        .replace(/: leave.*$/, '') + plural
    );
  }
}

function isList(read: (text: string) => unknown, text: string | undefined): boolean {
  try {
    return text !== undefined && Array.isArray(read(text));
  } catch {
    return false;
  }
}

/** Setting → fields of a policy that hold for one company instead: the third column of the README's table. */
function policyFields(readme: string): Map<string, string[]> {
  const fieldsOf = new Map<string, string[]>();
  for (const [, fields = '', instead = ''] of readme.matchAll(/^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| .+ \| (.+) \|$/gm)) {
    const names = [...fields.matchAll(/`([a-z_]+)`/g)].map(([, name]) => String(name));
    const settings = [...instead.matchAll(/`([A-Z0-9_]+)`/g)].map(([, name]) => String(name));
    for (const [at, setting] of settings.entries()) {
      const own = settings.length === names.length ? names.slice(at, at + 1) : names;
      fieldsOf.set(setting, [...new Set([...(fieldsOf.get(setting) ?? []), ...own])]);
    }
  }
  return fieldsOf;
}

function problemList(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, [status, title]]) => `| ${status} | [\`${code}\`](${code}.md) | ${title} |`,
  );
  return (
    '# Error codes\n\nEvery refusal is `application/problem+json` (RFC 9457). Its `type` leads to a page of the server that gave it, ' +
    'such as `/problems/infected`; the same words are here. `code` is what a client matches on: it never changes its meaning.\n\n' +
    `| status | code | |\n|---|---|---|\n${rows.join('\n')}\n`
  );
}

function problemPage(code: ProblemCode): string {
  const [status, title] = PROBLEMS[code];
  const { what, why, again, people, developer, operator, runbook } = PROBLEM_GUIDE[code];
  const more = runbook === undefined ? '' : ` The runbook: [${runbook}](../runbooks.md#${runbook}).`;
  return `# ${title}

HTTP ${status}, code \`${code}\`. ${what}

## Why?

${why}

## Does it help to try again?

${again}

## You sent or opened a file

${people}

## You wrote the page or the client

${developer}

## You run the server

${operator}${more}

[All error codes](index.md)
`;
}

/** `README.md#files-in-s3` → `files in s3`. */
function titleOf(section: string): string {
  return section.replace(/^.*#/, '').replaceAll('-', ' ').replace('s3', 'S3');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
