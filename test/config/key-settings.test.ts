/** JWT_PUBLIC_KEY and JWT_JWKS_URL: what is understood, and the sentence for what is not. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../server/config.ts';
import { ALGORITHMS, jwkOf, newKeyPair, pemOf } from '../services/key-pairs.ts';
import { TEST_SECRET } from '../services/tokens.ts';

const rsa = newKeyPair('RS256');
const ec = newKeyPair('ES256');
const ed = newKeyPair('EdDSA');
const pem = pemOf(rsa);

describe('understood', () => {
  test.each(ALGORITHMS)('a PEM key for %s', (alg) => {
    expect(algorithms(pemOf(newKeyPair(alg)))).toEqual([alg]);
  });

  test.each(
    Object.entries({
      'line breaks written as \\n': pem.replaceAll('\n', '\\n'),
      'line breaks written as \\r\\n': pem.replaceAll('\n', '\\r\\n'),
      'Windows line breaks': pem.replaceAll('\n', '\r\n'),
      'line breaks that became spaces': pem.replaceAll('\n', ' '),
      'space around it': `\n\n  ${pem}  \n`,
      'a JWK': JSON.stringify(jwkOf(rsa)),
      'a JWK without alg, use and kid': JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
      'a JWK set': JSON.stringify({ keys: [jwkOf(rsa)] }),
    }),
  )('%s', (_name, text) => {
    const [key] = readConfig({ JWT_PUBLIC_KEY: text }).jwtPublicKeys;
    expect(key?.alg).toBe('RS256');
    expect(key?.key.equals(rsa.publicKey)).toBe(true);
  });

  test('several PEM keys one after another, of several kinds', () => {
    expect(algorithms(pem + pemOf(ec) + pemOf(ed))).toEqual(['RS256', 'ES256', 'EdDSA']);
  });

  test('Ed25519 as the newer name of EdDSA (RFC 9864)', () => {
    expect(algorithms(JSON.stringify(jwkOf(ed, { alg: 'Ed25519' })))).toEqual(['EdDSA']);
  });

  test('a JWKS URL with a query', () => {
    const url = 'https://login.example/keys?p=policy';
    expect(readConfig({ JWT_JWKS_URL: url })).toMatchObject({ jwksUrl: url, development: false });
  });

  test.each([{ JWT_PUBLIC_KEY: pem }, { JWT_JWKS_URL: 'https://login.example/keys' }, { JWT_SECRET: TEST_SECRET }])(
    'any one key ends development mode: %o',
    (env) => {
      expect(readConfig({ ...env, HOST: '0.0.0.0', NODE_ENV: 'production' }).development).toBe(false);
    },
  );

  test('a secret beside public keys: an issuer moves from one to the other', () => {
    const config = readConfig({ JWT_SECRET: TEST_SECRET, JWT_PUBLIC_KEY: pem });
    expect([config.jwtSecret, config.jwtPublicKeys.length]).toEqual([TEST_SECRET, 1]);
  });
});

describe('refused, with the fault and an example', () => {
  const weak = newKeyPair('RS256', 1024);
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
  const x25519 = generateKeyPairSync('x25519');
  const privatePem = String(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const pkcs1 = String(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }));
  const exponentOne = { ...rsa.publicKey.export({ format: 'jwk' }), e: 'AQ' };
  const tooMany = { keys: Array.from({ length: 101 }, () => jwkOf(ec)) };

  test.each<[string, string, RegExp]>([
    ['a short RSA key', pemOf(weak), /RSA key of 1024 bits; 2048 to 8192/],
    ['a short RSA key as JWK', JSON.stringify(jwkOf(weak)), /RSA key of 1024 bits/],
    ['a short key after a good one', pem + pemOf(weak), /RSA key of 1024 bits/],
    ['an RSA key with exponent 1', JSON.stringify(exponentOne), /exponent|damaged/],
    ['an EC key on another curve', pemOf(p384), /secp384r1; ES256 needs P-256/],
    ['an RSA-PSS key', pemOf(pss), /rsa-pss/],
    ['a key for encryption', pemOf(x25519), /x25519/],
    ['the private key', privatePem, /private key: only the public one/],
    ['the private key as JWK', JSON.stringify(rsa.privateKey.export({ format: 'jwk' })), /private key/],
    ['a PKCS#1 key', pkcs1, /“RSA PUBLIC KEY”; a “PUBLIC KEY” \(SPKI\)/],
    ['a certificate', pem.replaceAll('PUBLIC KEY', 'CERTIFICATE'), /“CERTIFICATE”/],
    ['a damaged key', pem.replace(/\n.{40}/, '\n'), /damaged/],
    ['text around it', `my key: ${pem}`, /neither PEM nor a JWK/],
    ['no key', 'hello', /neither PEM nor a JWK/],
    ['a file name', '/etc/keys/jwt.pem', /neither PEM nor a JWK/],
    ['broken JSON', '{"kty":', /not JSON/],
    ['a symmetric JWK', '{"kty":"oct","k":"c2VjcmV0"}', /cannot verify .*kty/],
    ['a JWK for encryption', JSON.stringify(jwkOf(rsa, { use: 'enc' })), /cannot verify .*use/],
    ['a JWK for signing only', JSON.stringify(jwkOf(rsa, { key_ops: ['sign'] })), /cannot verify .*key_ops/],
    ['a JWK for another algorithm', JSON.stringify(jwkOf(rsa, { alg: 'RS512' })), /cannot verify .*alg/],
    ['a JWK for the algorithm of another kind', JSON.stringify(jwkOf(rsa, { alg: 'ES256' })), /another kind/],
    ['an empty set', '{"keys":[]}', /no public key/],
    ['a set that is too large', JSON.stringify(tooMany), /more than 100 keys/],
  ])('%s', (_name, text, fault) => {
    const message = faultOf({ JWT_PUBLIC_KEY: text });
    expect(message).toMatch(fault);
    expect(message).toMatch(/^- JWT_PUBLIC_KEY holds|^- JWT_PUBLIC_KEY (is|begins)/);
    expect(message).toContain('Example: JWT_PUBLIC_KEY=');
    // One fault, and nothing of the value: it may be the private key.
    expect(message.split('\n')).toHaveLength(1);
    expect(message).not.toContain(text.slice(30, 60) || text);
  });

  test.each(['ftp://example.com/keys', 'keys.json', 'https://user:pass@example.com/keys', 'https://example.com/#keys'])(
    'JWT_JWKS_URL=%s',
    (url) => {
      expect(faultOf({ JWT_JWKS_URL: url })).toMatch(/^- JWT_JWKS_URL “.*” (is not|must have|must hold)/);
    },
  );

  test('JWT_PUBLIC_KEY and JWT_JWKS_URL together', () => {
    expect(faultOf({ JWT_PUBLIC_KEY: pem, JWT_JWKS_URL: 'https://example.com/keys' })).toMatch(/Leave one of them out/);
  });

  test.each([pem, JSON.stringify(jwkOf(rsa))])('a public key as JWT_SECRET: everybody could sign', (text) => {
    const message = faultOf({ JWT_SECRET: text });
    expect(message).toMatch(/^- JWT_SECRET is a key file, not a secret/);
    expect(message).not.toContain(text.slice(30, 60));
  });

  test('no key at all in production, and on an address that others reach', () => {
    const message = faultOf({ NODE_ENV: 'production', HOST: '0.0.0.0' });
    expect(message).toMatch(/JWT_SECRET is missing \(or JWT_PUBLIC_KEY, or JWT_JWKS_URL\)/);
    expect(message).toMatch(/HOST “0.0.0.0” can be reached by others/);
  });
});

test('keys of an issuer without an audience are said at start: it may sign for other services too', () => {
  const said = [expect.stringContaining('JWT_AUDIENCE is not set')];
  expect(readConfig({ JWT_JWKS_URL: 'https://issuer.example/keys' }).notes).toEqual(said);
  expect(readConfig({ JWT_JWKS_URL: 'https://issuer.example/keys', JWT_AUDIENCE: 'chatdrop' }).notes).toEqual([]);
});

test('an http JWKS URL is said at start, but for loopback', () => {
  expect(readConfig({ JWT_JWKS_URL: 'http://issuer.internal/keys', JWT_AUDIENCE: 'chatdrop' }).notes).toEqual([
    expect.stringContaining('JWT_JWKS_URL is not https'),
  ]);
  expect(readConfig({ JWT_JWKS_URL: 'http://127.0.0.1:1/keys', JWT_AUDIENCE: 'chatdrop' }).notes).toEqual([]);
});

function algorithms(text: string): string[] {
  return readConfig({ JWT_PUBLIC_KEY: text }).jwtPublicKeys.map(({ alg }) => alg);
}

function faultOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The settings were taken.');
}
