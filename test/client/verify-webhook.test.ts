/** Webhooks that another implementation of Standard Webhooks has signed, and every way in which one may be wrong. */
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { verifyWebhook, WebhookVerificationError } from '../../server/client/verify-webhook.ts';

const newSecret = () => `whsec_${randomBytes(24).toString('base64')}`;
const secret = newSecret();
const body = JSON.stringify({ type: 'file.shared', data: { name: 'Größe.pdf' } });

/** `ageSeconds`: below zero, of a time to come. */
function signed({ key = secret, text = body, id = 'msg_1', ageSeconds = 0 } = {}): Record<string, string> {
  const at = new Date(Date.now() - ageSeconds * 1000);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(key).sign(id, at, text),
  };
}

describe('taken', () => {
  test('as text and as bytes, with headers of any kind', async () => {
    const headers = signed();
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
    for (const given of [headers, upper, new Headers(headers)])
      for (const raw of [body, Buffer.from(body), new Uint8Array(Buffer.from(body))])
        expect(await verifyWebhook(given, raw, secret)).toEqual(JSON.parse(body));
    expect(await verifyWebhook(headers, body, secret.slice('whsec_'.length))).toEqual(JSON.parse(body));
  });

  test('one of several signatures, or of several secrets, is enough', async () => {
    const other = newSecret();
    const headers = signed();
    const both = `${signed({ key: other })['webhook-signature']} v2,x ${headers['webhook-signature']}`;
    expect(await verifyWebhook({ ...headers, 'webhook-signature': both }, body, secret)).toBeTruthy();
    expect(await verifyWebhook(headers, body, [other, secret])).toBeTruthy();
  });

  test('within its tolerance', async () => {
    expect(await verifyWebhook(signed({ ageSeconds: 200 }), body, secret)).toBeTruthy();
    expect(await verifyWebhook(signed({ ageSeconds: 3600 }), body, secret, { toleranceSeconds: 7200 })).toBeTruthy();
    expect(
      await verifyWebhook(signed({ ageSeconds: 3600 }), body, secret, { now: Date.now() - 3_600_000 }),
    ).toBeTruthy();
  });
});

test.each<[string, Record<string, string | undefined>, string?, string?]>([
  ['another body', signed(), `${body} `],
  ['another secret', signed(), body, newSecret()],
  ['a secret that is none', signed(), body, 'whsec_%%%'],
  ['an empty secret', signed(), body, 'whsec_'],
  ['another id', { ...signed(), 'webhook-id': 'msg_2' }],
  ['another time', { ...signed(), 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 7) }],
  ['a time that is none', { ...signed(), 'webhook-timestamp': 'now' }],
  ['one that is too old', signed({ ageSeconds: 400 })],
  ['one of a time to come', signed({ ageSeconds: -400 })],
  ['no signature', { ...signed(), 'webhook-signature': undefined }],
  ['an empty signature', { ...signed(), 'webhook-signature': 'v1,' }],
  [
    'a signature of another version',
    { ...signed(), 'webhook-signature': signed()['webhook-signature']?.replace('v1', 'v2') },
  ],
  ['a signature that is cut', { ...signed(), 'webhook-signature': signed()['webhook-signature']?.slice(0, -4) }],
  ['a signature that is no base64', { ...signed(), 'webhook-signature': 'v1,%%%' }],
  ['no headers', {}],
])('refused: %s', async (_what, headers, raw = body, key = secret) => {
  await expect(verifyWebhook(headers, raw, key)).rejects.toThrow(WebhookVerificationError);
});

test('our judge and the other one’s are one', () => {
  const webhook = new Webhook(secret);
  expect(webhook.verify(body, signed())).toEqual(JSON.parse(body));
  expect(() => webhook.verify(`${body} `, signed())).toThrow();
});
