/** The kept keys of a JWKS URL, against a real server on loopback and a clock that the test moves. */
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createFetchJwks } from '../../server/auth/fetch-jwks.ts';
import { COOLDOWN_MS, createJwks, FRESH_MS, USABLE_MS } from '../../server/auth/jwks.ts';
import { answerJson, type JwksIssuer, startJwksIssuer } from '../services/jwks-issuer.ts';
import { jwkOf, newKeyPair } from '../services/key-pairs.ts';

/** For answers that never come, and for those that do, however slow the machine. */
const SHORT_TIMEOUT_MS = 100;
const LONG_TIMEOUT_MS = 20_000;
const first = newKeyPair('ES256');
const second = newKeyPair('ES256');

describe('a set that is kept', () => {
  test('is fetched once for any number of requests, until it is no longer fresh', async () => {
    const { issuer, jwks, clock } = await start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => jwks.keys()));
    for (const keys of answers) expect(kids(keys)).toEqual([first.kid]);
    clock.ms += FRESH_MS - 1;
    await jwks.keys();
    expect(issuer.requests()).toBe(1);
    issuer.publish(second);
    clock.ms += 1;
    expect(kids(await jwks.keys())).toEqual([second.kid]);
    expect(issuer.requests()).toBe(2);
  });

  test('is fetched anew for an unknown key, once in the cooldown, however many ask', async () => {
    const { issuer, jwks, clock } = await start();
    const known = await jwks.keys();
    issuer.publish(first, second);
    expect(await jwks.newerKeys(known)).toBeNull();
    expect(issuer.requests()).toBe(1);
    clock.ms += COOLDOWN_MS;
    const answers = await Promise.all(Array.from({ length: 50 }, () => jwks.newerKeys(known)));
    for (const keys of answers) expect(kids(keys)).toEqual([first.kid, second.kid]);
    expect(issuer.requests()).toBe(2);
    // Who still holds the old set gets the new one without a request.
    expect(kids(await jwks.newerKeys(known))).toEqual([first.kid, second.kid]);
    for (let asked = 0; asked < 100; asked += 1) await jwks.newerKeys(await jwks.keys());
    expect(issuer.requests()).toBe(2);
  });

  test('goes on to be used while the URL is away, and is tried again after each cooldown', async () => {
    const { issuer, jwks, clock, faults } = await start();
    await jwks.keys();
    await issuer.down();
    clock.ms += FRESH_MS;
    expect(kids(await jwks.keys())).toEqual([first.kid]);
    expect([jwks.isUpToDate(), faults.length]).toEqual([false, 1]);
    expect(jwks.nextAttemptMs()).toBe(COOLDOWN_MS);
    for (let asked = 0; asked < 20; asked += 1) await jwks.keys();
    expect(faults).toHaveLength(1);
    await issuer.listen();
    issuer.publish(second);
    clock.ms += COOLDOWN_MS;
    expect(kids(await jwks.newerKeys(await jwks.keys()))).toEqual([second.kid]);
    expect(jwks.isUpToDate()).toBe(true);
  });

  test('is given up after a day', async () => {
    const { issuer, jwks, clock } = await start();
    await jwks.keys();
    await issuer.down();
    clock.ms += USABLE_MS - 1;
    expect(kids(await jwks.keys())).toEqual([first.kid]);
    clock.ms += COOLDOWN_MS;
    expect(await jwks.keys()).toBeNull();
    await issuer.listen();
    clock.ms += COOLDOWN_MS;
    expect(kids(await jwks.keys())).toEqual([first.kid]);
  });

  test('does not keep those waiting whom the last good set can serve', async () => {
    const { issuer, jwks, clock } = await start();
    await jwks.keys();
    await issuer.down();
    clock.ms += FRESH_MS;
    await jwks.keys();
    await issuer.listen();
    issuer.answer(() => undefined);
    clock.ms += COOLDOWN_MS;
    // The request under way never gets an answer within this test.
    expect(kids(await jwks.keys())).toEqual([first.kid]);
    expect(kids(await jwks.keys())).toEqual([first.kid]);
  });
});

describe('an answer that is not taken', () => {
  const big = 'x'.repeat(300 * 1024);
  const key = jwkOf(first);
  test.each<[string, (issuer: JwksIssuer) => void, RegExp]>([
    ['no server', (issuer) => void issuer.down(), /fetch failed/],
    ['no answer', (issuer) => issuer.answer(() => undefined), /timeout/i],
    ['an answer that does not end', (issuer) => issuer.answer((_q, r) => void r.write('{"keys":[')), /timeout/i],
    ['headers without a body', (issuer) => issuer.answer((_q, r) => void r.flushHeaders()), /timeout/i],
    ['an error', (issuer) => issuer.answer((_q, r) => void r.writeHead(500).end()), /answered 500/],
    ['nothing', (issuer) => issuer.answer((_q, r) => void r.writeHead(204).end()), /answered 204/],
    ['a page', (issuer) => issuer.answer((_q, r) => void r.end('<!doctype html>')), /no JSON/],
    ['half of a set', (issuer) => issuer.answer((_q, r) => void r.end('{"keys":[{"kty":"EC"')), /no JSON/],
    ['a cut answer', (issuer) => issuer.answer((_q, r) => r.writeHead(200, { 'Content-Length': 99 }).destroy()), /./],
    ['too much', (issuer) => issuer.answer(answerJson({ keys: [key], more: big })), /more than 262144 bytes/],
    [
      'too much after decompression',
      (issuer) =>
        issuer.answer((_q, r) =>
          r.setHeader('Content-Encoding', 'gzip').end(gzipSync(JSON.stringify({ keys: [key], big: big.repeat(50) }))),
        ),
      /more than 262144 bytes/,
    ],
    ['what never ends', (issuer) => issuer.answer((_q, r) => endless(r)), /more than 262144 bytes/],
    ['text', (issuer) => issuer.answer(answerJson('keys')), /no JWK set/],
    ['null', (issuer) => issuer.answer(answerJson(null)), /no JWK set/],
    ['a single JWK', (issuer) => issuer.answer(answerJson(key)), /no JWK set/],
    ['keys that are none', (issuer) => issuer.answer(answerJson({ keys: {} })), /no JWK set/],
    ['10,000 keys', (issuer) => issuer.answer(answerJson({ keys: Array(10_000).fill(1) })), /no JWK set/],
    ['no keys', (issuer) => issuer.answer(answerJson({ keys: [] })), /no key/],
    ['strange keys', (issuer) => issuer.answer(answerJson({ keys: [null, 7, 'key', [], {}] })), /no key/],
    ['a secret', (issuer) => issuer.answer(answerJson({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })), /no key/],
    [
      'a private key',
      (issuer) => issuer.answer(answerJson({ keys: [first.privateKey.export({ format: 'jwk' })] })),
      /no key/,
    ],
    ['a weak key', (issuer) => issuer.answer(answerJson({ keys: [jwkOf(newKeyPair('RS256', 1024))] })), /no key/],
    [
      '100,000 brackets',
      (issuer) => issuer.answer((_q, r) => void r.end('['.repeat(100_000) + ']'.repeat(100_000))),
      /no JWK set|no JSON/,
    ],
  ])('%s', async (_name, change, fault) => {
    const { issuer, jwks, faults, clock, timeout } = await start();
    const short = fault.source === 'timeout' ? SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS;
    change(issuer);
    timeout.ms = short;
    expect(await jwks.keys()).toBeNull();
    expect(faults).toEqual([expect.stringMatching(fault)]);
    // And a set that was good stays.
    issuer.publish(first);
    await issuer.listen().catch(() => undefined);
    clock.ms += COOLDOWN_MS;
    timeout.ms = LONG_TIMEOUT_MS;
    expect(kids(await jwks.keys())).toEqual([first.kid]);
    change(issuer);
    timeout.ms = short;
    clock.ms += FRESH_MS;
    expect(kids(await jwks.keys())).toEqual([first.kid]);
  });

  test('a redirect, and where it leads is not asked', async () => {
    const elsewhere = await startJwksIssuer(second);
    onTestFinished(() => elsewhere.down());
    const { issuer, jwks, faults } = await start();
    issuer.answer((_request, response) => response.writeHead(302, { Location: elsewhere.url }).end());
    expect(await jwks.keys()).toBeNull();
    expect(faults).toEqual(['it answered 302']);
    expect(elsewhere.requests()).toBe(0);
  });

  test('keys that are of no use beside one that is: they are left out', async () => {
    const { issuer, jwks } = await start();
    const others = [
      { kty: 'oct', k: 'c2VjcmV0' },
      { kty: 'unheard-of' },
      jwkOf(second, { use: 'enc' }),
      jwkOf(second, { kid: { toString: 'x' } }),
      jwkOf(second, { kid: 'k'.repeat(300) }),
      jwkOf(newKeyPair('RS256', 1024)),
      null,
    ];
    issuer.answer(answerJson({ keys: [...others, jwkOf(first)] }));
    expect(kids(await jwks.keys())).toEqual([first.kid]);
  });

  test('the download ends with the server', async () => {
    const issuer = await startJwksIssuer(first);
    onTestFinished(() => issuer.down());
    issuer.answer(() => undefined);
    const stopping = new AbortController();
    const download = createFetchJwks(issuer.url, stopping.signal)();
    stopping.abort();
    await expect(download).rejects.toThrow();
  });
});

async function start() {
  const issuer = await startJwksIssuer(first);
  onTestFinished(() => issuer.down());
  const clock = { ms: 1000 };
  const timeout = { ms: LONG_TIMEOUT_MS };
  const faults: string[] = [];
  const jwks = createJwks({
    fetchJwks: () => createFetchJwks(issuer.url, new AbortController().signal, timeout.ms)(),
    monotonicMs: () => clock.ms,
    onFault: (error) => faults.push((error as Error).message),
  });
  return { issuer, jwks, clock, faults, timeout };
}

function kids(keys: ReadonlyArray<{ kid: string | undefined }> | null): Array<string | undefined> | undefined {
  return keys?.map(({ kid }) => kid);
}

function endless(response: ServerResponse): void {
  const write = () => {
    while (!response.destroyed && response.write('{"a":1}'.repeat(1000)));
  };
  response.on('drain', write);
  write();
}
