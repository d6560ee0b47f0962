/** `chatdrop webhooks …`: where companies are told of their files, and what they were told. */
import { WEBHOOK_EVENTS, type WebhookEvent } from '../contract/webhook.ts';
import type { WebhookDelivery } from '../database/webhook-delivery-table.ts';
import type { Webhook } from '../database/webhook-table.ts';
import { presentDelivery, presentWebhook } from '../http/webhook-admin-routes.ts';
import { OPERATOR } from '../rules/actor.ts';
import { DEFAULT_OVERLAP_SECONDS } from '../sharing/manage-webhooks.ts';
import { type Command, type Flags, readArguments, textFlag, UsageError } from './command.ts';
import { readCompany } from './company/policy-words.ts';
import { readLimit } from './read-limit.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

const EVENTS = WEBHOOK_EVENTS.join(', ');
const SHOWN_CHARACTERS = 100;

export const webhooksList: Command = {
  summary: 'list where a company is told of its files',
  help: `chatdrop webhooks list COMPANY [--json]

  Works beside a running server. Secrets are never shown.
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(args, { json: { type: 'boolean' } }, true);
    const [company] = readWords(words, 1);
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      const listed = await webhooks.list(company);
      if (flags.json === true) for (const webhook of listed) print(`${JSON.stringify(presentWebhook(webhook))}\n`);
      else print(listed.length === 0 ? 'It has none.\n' : table(HEADS, listed.map(rowOf)));
      return 0;
    });
  },
};

export const webhooksAdd: Command = {
  summary: 'have a company told of its files',
  help: `chatdrop webhooks add COMPANY URL [--events LIST] [--description TEXT]

  Prints the secret that messages are signed by, this once. What the receiver has to do: docs/webhooks.md.

  --events   a list with commas of ${EVENTS};
             all if left out
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(args, EDIT_FLAGS, true);
    const [company, url] = readWords(words, 2);
    const request = { url, ...readEdit(flags) };
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      const { webhook, secret } = await webhooks.add(company, request, OPERATOR);
      print(`webhook ${webhook.id}\nsecret ${secret}\n`);
      return 0;
    });
  },
};

export const webhooksSet: Command = {
  summary: 'change a webhook, disable or enable it',
  help: `chatdrop webhooks set COMPANY ID [--url URL] [--events LIST] [--description TEXT] [--disable | --enable]

  Nothing is sent to one that is disabled; what happens meanwhile waits for it, 30 days at most.
`,
  async run(args, { print, config }) {
    const flags = { url: { type: 'string' }, disable: { type: 'boolean' }, enable: { type: 'boolean' } } as const;
    const read = readArguments(args, { ...EDIT_FLAGS, ...flags }, true);
    const [company, id] = readWords(read.words, 2);
    const { disable, enable } = read.flags;
    if (disable === true && enable === true) throw new UsageError('It is either --disable or --enable.');
    const enabled = disable === true ? false : enable;
    const edit = {
      ...readEdit(read.flags),
      url: textFlag(read.flags, 'url'),
      ...(typeof enabled === 'boolean' && { enabled }),
    };
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      print(table(HEADS, [rowOf(await webhooks.change(company, readId(id), edit, OPERATOR))]));
      return 0;
    });
  },
};

export const webhooksRemove: Command = {
  summary: 'remove a webhook, with what is owed to it',
  help: `chatdrop webhooks remove COMPANY ID
`,
  async run(args, { print, config }) {
    const [company, id] = readWords(readArguments(args, {}, true).words, 2);
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      await webhooks.remove(company, readId(id), OPERATOR);
      print(`removed ${id}\n`);
      return 0;
    });
  },
};

export const webhooksRotate: Command = {
  summary: 'give a webhook a new secret',
  help: `chatdrop webhooks rotate COMPANY ID [--overlap HOURS]

  Prints the new secret, this once. The one before signs too for the hours of the overlap, 24 if left out; 0 for a
  secret that is known to others.
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(args, { overlap: { type: 'string' } }, true);
    const [company, id] = readWords(words, 2);
    const hours = textFlag(flags, 'overlap');
    if (hours !== undefined && !/^(?:\d{1,2}|1[0-5]\d|16[0-8])$/.test(hours))
      throw new UsageError('--overlap is a number of hours, 168 at most.');
    const overlapSeconds = hours === undefined ? DEFAULT_OVERLAP_SECONDS : Number(hours) * 3600;
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      print(`secret ${await webhooks.rotate(company, readId(id), { overlapSeconds }, OPERATOR)}\n`);
      return 0;
    });
  },
};

export const webhooksTest: Command = {
  summary: 'send a message that says nothing',
  help: `chatdrop webhooks test COMPANY ID

  The running server sends webhook.test within a second; chatdrop webhooks log shows what became of it.
`,
  async run(args, { print, config }) {
    const [company, id] = readWords(readArguments(args, {}, true).words, 2);
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      print(`owed ${(await webhooks.test(company, readId(id), OPERATOR)).id}\n`);
      return 0;
    });
  },
};

export const webhooksLog: Command = {
  summary: 'list what a webhook was told, or is to be told',
  help: `chatdrop webhooks log COMPANY ID [--state waiting|delivered|failed] [--limit 100] [--json]

  Newest first, of the last 30 days.
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(
      args,
      { state: { type: 'string' }, limit: { type: 'string', default: '100' }, json: { type: 'boolean' } },
      true,
    );
    const [company, id] = readWords(words, 2);
    const state = STATES.find((known) => known === flags.state);
    if (flags.state !== undefined && state === undefined)
      throw new UsageError(`--state is one of ${STATES.join(', ')}.`);
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      const listed = await webhooks.deliveries(company, readId(id), limit, { state });
      if (flags.json === true) for (const delivery of listed) print(`${JSON.stringify(presentDelivery(delivery))}\n`);
      else print(listed.length === 0 ? 'Nothing yet.\n' : table(LOG_HEADS, listed.map(logRowOf)));
      return 0;
    });
  },
};

export const webhooksResend: Command = {
  summary: 'send again what failed',
  help: `chatdrop webhooks resend COMPANY ID DELIVERY
chatdrop webhooks resend COMPANY ID --since TIME

  One delivery, whatever became of it, or all that failed since a time (2026-11-28, 2026-11-28T08:00:00Z). Each
  keeps its webhook-id.
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(args, { since: { type: 'string' } }, true);
    const since = textFlag(flags, 'since');
    const [company, id, delivery] = readWords(words, since === undefined ? 3 : 2);
    const sinceMs = since === undefined ? 0 : Date.parse(since);
    if (Number.isNaN(sinceMs)) throw new UsageError('--since must be a day or a time.');
    return withTools(config(), { alone: false }, async ({ webhooks }) => {
      let count = 1;
      if (since === undefined) await webhooks.resend(company, readId(id), readId(delivery), OPERATOR);
      else count = await webhooks.resendFailed(company, readId(id), sinceMs, OPERATOR);
      print(`owed again: ${count}\n`);
      return 0;
    });
  },
};

const STATES = ['waiting', 'delivered', 'failed'] as const;
const EDIT_FLAGS = { events: { type: 'string' }, description: { type: 'string' } } as const;
const HEADS = ['ID', 'URL', 'EVENTS', 'STATE', 'DESCRIPTION'];
const LOG_HEADS = ['ID', 'HAPPENED', 'TYPE', 'STATE', 'TRIES', 'STATUS', 'MS', 'NEXT TRY', 'LAST ERROR'];

/** So many words, the first a company. */
function readWords(words: readonly string[], count: number): [string, string, string] {
  if (words.length !== count) throw new UsageError('There is a word too few or too many.');
  const [company, second = '', third = ''] = words;
  return [readCompany(company), second, third];
}

function readId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError('An id is a number.');
  return Number(text);
}

function readEdit(flags: Flags): { events?: WebhookEvent[]; description?: string } {
  const description = textFlag(flags, 'description');
  const names = textFlag(flags, 'events')
    ?.split(',')
    .map((name) => name.trim());
  const events = WEBHOOK_EVENTS.filter((event) => names?.includes(event));
  if (names !== undefined && events.length !== names.length)
    throw new UsageError(`--events is a list of ${EVENTS}, each once.`);
  return { ...(names !== undefined && { events }), ...(description !== undefined && { description }) };
}

function rowOf({ id, url, events, disabledReason, failures, description }: Webhook): string[] {
  const state =
    disabledReason === null ? (failures === 0 ? 'enabled' : `fails (${failures})`) : `disabled: ${disabledReason}`;
  return [String(id), url, events.join(', '), state, description];
}

function logRowOf(delivery: WebhookDelivery): string[] {
  const { id, occurred_at, type, state, attempts, status, duration_ms, next_attempt_at, last_error } =
    presentDelivery(delivery);
  const next = state === 'waiting' ? (next_attempt_at ?? 'now') : '';
  const error = (last_error ?? '').slice(0, SHOWN_CHARACTERS);
  const words = [id, occurred_at, type, state, attempts, status ?? '', duration_ms ?? '', next, error];
  return words.map(String);
}
