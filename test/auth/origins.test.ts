/** Which pages may connect, and which host names are answered: tables of who tries. */
import { describe, expect, test } from 'vitest';
import { createOrigins } from '../../server/auth/origins.ts';

describe('pages', () => {
  const named = createOrigins({
    allowedOrigins: ['https://shop.example', 'http://b.example:8080'],
    publicUrl: undefined,
    development: false,
  });
  const published = createOrigins({
    allowedOrigins: ['https://shop.example'],
    publicUrl: 'https://files.example/chat',
    development: false,
  });

  test.each<[string, string | undefined, boolean]>([
    ['https://shop.example', 'chat.example', true],
    ['http://b.example:8080', 'chat.example', true],
    ['http://chat.example', 'chat.example', true],
    ['https://chat.example', 'chat.example', true],
    ['http://127.0.0.1:8001', '127.0.0.1:8001', true],
    ['http://127.0.0.1:8002', '127.0.0.1:8001', false],
    ['http://127.0.0.1', '127.0.0.1:8001', false],
    ['http://shop.example', 'chat.example', false],
    ['https://shop.example:444', 'chat.example', false],
    ['https://shop.example.evil.com', 'chat.example', false],
    ['https://evil-shop.example', 'chat.example', false],
    ['https://shop.example/', 'chat.example', false],
    ['http://b.example', 'chat.example', false],
    ['https://evil.com', 'chat.example', false],
    ['null', 'chat.example', false],
    ['null', 'null', false],
    ['', 'chat.example', false],
    ['file://', 'chat.example', false],
    ['https://chat.example', undefined, false],
    ['http://undefined', undefined, false],
    ['ftp://chat.example', 'chat.example', false],
  ])('%s at a server called as %s: %s', (origin, host, allowed) => {
    expect(named.isAllowedOrigin(origin, host)).toBe(allowed);
  });

  test.each<[string, string, boolean]>([
    ['https://files.example', 'files.example', true],
    ['https://files.example', '10.0.0.1:8001', true],
    ['https://shop.example', 'files.example', true],
    ['http://files.example', 'files.example', false],
    ['http://10.0.0.1:8001', '10.0.0.1:8001', false],
    ['http://rebound.evil.com', 'rebound.evil.com', false],
  ])('with a public address the Host header means nothing: %s at %s: %s', (origin, host, allowed) => {
    expect(published.isAllowedOrigin(origin, host)).toBe(allowed);
  });
});

describe('host names', () => {
  const rules = { allowedOrigins: [], publicUrl: undefined };
  test.each<[string | undefined, boolean]>([
    ['127.0.0.1', true],
    ['127.0.0.1:8001', true],
    ['localhost', true],
    ['LOCALHOST:80', true],
    ['demo.localhost:8001', true],
    ['[::1]:80', true],
    ['[::1]', true],
    ['evil.com', false],
    ['evil.com:8001', false],
    ['127.0.0.1.evil.com', false],
    ['localhost.evil.com', false],
    ['evil.com.localhost.evil.com', false],
    ['127.0.0.1:8001.evil.com', false],
    ['127.0.0.1:8001@evil.com', false],
    ['evil.com#localhost', false],
    ['127.0.0.1\n', false],
    ['127.0.0.1:', false],
    ['192.168.1.5:8001', false],
    ['0.0.0.0:8001', false],
    ['[::]:8001', false],
    ['::1', false],
    ['', false],
    [undefined, false],
  ])('in development mode %s: %s', (host, allowed) => {
    expect(createOrigins({ ...rules, development: true }).isAllowedHost(host)).toBe(allowed);
  });

  test('with a key every name is answered', () => {
    const { isAllowedHost } = createOrigins({ ...rules, development: false });
    expect([isAllowedHost('chat.example'), isAllowedHost(undefined)]).toEqual([true, true]);
  });
});
