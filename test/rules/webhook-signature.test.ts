/** Signatures, held against the library that receivers use; and what is a secret. */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { holdAfterFailures, readRetryAfter, waitAfterTry } from '../../server/rules/webhook-retries.ts';
import { isWebhookSecret, signWebhook, webhookSecret } from '../../server/rules/webhook-signature.ts';

const BODY = '{"type":"file.shared","data":{"name":"grüße 📎.png"}}';
const sentAt = Math.floor(Date.now() / 1000);

test('each secret signs, as the library signs and verifies', () => {
  const secrets = [24, 32, 64].map((bytes) => webhookSecret(randomBytes(bytes)));
  const signature = signWebhook(secrets, 'msg_1', sentAt, BODY);
  expect(signature.split(' ')).toEqual(
    secrets.map((secret) => new Webhook(secret).sign('msg_1', new Date(sentAt * 1000), BODY)),
  );
  const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': String(sentAt), 'webhook-signature': signature };
  for (const secret of secrets) {
    expect(new Webhook(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY));
    expect(() => new Webhook(secret).verify(BODY, { ...headers, 'webhook-id': 'msg_2' })).toThrow();
    expect(() => new Webhook(secret).verify(BODY.replace('ü', 'u'), headers)).toThrow();
    const later = { ...headers, 'webhook-timestamp': String(sentAt + 1) };
    expect(() => new Webhook(secret).verify(BODY, later)).toThrow();
  }
  expect(() => new Webhook(webhookSecret(randomBytes(32))).verify(BODY, headers)).toThrow();
});

test('a secret is whsec_ and 24 to 64 bytes in base64', () => {
  for (const bytes of [24, 25, 26, 64]) expect(isWebhookSecret(webhookSecret(randomBytes(bytes)))).toBe(true);
  const good = webhookSecret(Buffer.alloc(32, 251));
  for (const bad of [
    '',
    'whsec_',
    good.replace('whsec_', ''),
    good.replace('whsec_', 'WHSEC_'),
    `${good} `,
    good.replace('=', ''),
    good.replaceAll('+', '-'),
    webhookSecret(randomBytes(23)),
    webhookSecret(randomBytes(65)),
    'whsec_not base64 but long enough to be some bytes',
  ])
    expect([bad, isWebhookSecret(bad)]).toEqual([bad, false]);
});

test('tries come after 5 s to 24 h, a fifth longer at most, ten in all', () => {
  const waits = Array.from({ length: 12 }, (_, tries) => waitAfterTry(tries + 1, 0));
  const hour = 3_600_000;
  const seconds = [5_000, 300_000, 1_800_000];
  expect(waits).toEqual([...seconds, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * hour), null, null, null]);
  expect(waitAfterTry(1, 0.999999)).toBe(6_000);
  expect([0, 1, 2, 3, 4, 9, 1000].map(holdAfterFailures)).toEqual([0, 0, 0, 5_000, 10_000, 300_000, 300_000]);
});

test('Retry-After is seconds or a date, an hour at most', () => {
  const now = Date.parse('2026-11-28T08:00:00Z');
  const cases: [string | undefined, number | null][] = [
    [undefined, null],
    ['', null],
    ['soon', null],
    ['-5', null],
    ['0', 0],
    ['120', 120_000],
    ['999999999', 3_600_000],
    ['Sat, 28 Nov 2026 08:01:00 GMT', 60_000],
    ['Sat, 28 Nov 2026 07:00:00 GMT', 0],
    ['Sat, 28 Nov 2099 08:00:00 GMT', 3_600_000],
  ];
  for (const [header, ms] of cases) expect([header, readRetryAfter(header, now)]).toEqual([header, ms]);
});
