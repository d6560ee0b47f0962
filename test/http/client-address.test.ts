/** Whose address counts: what a client writes into X-Forwarded-For itself never does. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createClientAddress } from '../../server/http/client-address.ts';

const PEER = '10.0.0.1';
const CLIENT = '203.0.113.7';
const address = (trustProxy: number | readonly string[], forwarded?: string, peer: string | undefined = PEER) =>
  createClientAddress({ trustProxy, onIgnored() {} })(requestFrom(peer, forwarded));

describe('the address', () => {
  test.each<[string, number | readonly string[], string | undefined, string]>([
    ['no proxy trusted, no header', 0, undefined, PEER],
    ['no proxy trusted, a header that somebody made up', 0, CLIENT, PEER],
    ['one proxy, what it wrote', 1, CLIENT, CLIENT],
    ['one proxy, what the client wrote before it', 1, `1.1.1.1, 2.2.2.2, ${CLIENT}`, CLIENT],
    ['one proxy that wrote nothing', 1, undefined, PEER],
    ['two proxies, the inner one wrote the outer one’s', 2, `1.1.1.1, ${CLIENT}, 10.0.0.2`, CLIENT],
    ['two proxies trusted, one there', 2, CLIENT, CLIENT],
    ['a proxy by address', [PEER], `1.1.1.1, ${CLIENT}`, CLIENT],
    ['a proxy by network', ['10.0.0.0/8'], `1.1.1.1, ${CLIENT}, 10.9.9.9`, CLIENT],
    ['a proxy by name', ['uniquelocal'], CLIENT, CLIENT],
    ['another proxy than the one trusted', ['10.0.0.2'], CLIENT, PEER],
    ['nobody but proxies', ['10.0.0.0/8'], '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['an IPv6 address', 1, '2001:db8::1', '2001:db8::1'],
    ['no address', 1, 'unknown', PEER],
    ['an address with its port', 1, '203.0.113.7:1234', PEER],
    ['a short form that some readers take for one', 1, '127.1', PEER],
    ['an empty header', 1, '', PEER],
    ['commas', 1, ',,,', PEER],
  ])('%s', (_name, trustProxy, forwarded, expected) => {
    expect(address(trustProxy, forwarded)).toBe(expected);
  });

  test('of a client that is gone is empty', () => {
    const read = createClientAddress({ trustProxy: 1, onIgnored() {} });
    expect(read(requestFrom(undefined, CLIENT))).toBe('');
  });

  const anything = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.constantFrom(PEER, '127.0.0.1', '::1', ',', ' , '));
  const lies = fc.array(anything, { maxLength: 8 }).map((parts) => parts.join(', '));

  test('without a trusted proxy is the connection’s, whatever is written', () => {
    fc.assert(fc.property(lies, (forwarded) => address(0, forwarded) === PEER));
  });

  test('behind so many proxies, or these, is what the outermost wrote, whatever the client wrote before it', () => {
    fc.assert(
      fc.property(lies, fc.ipV4(), fc.integer({ min: 1, max: 4 }), (forwarded, client, proxies) => {
        fc.pre(!client.startsWith('10.'));
        const inner = Array.from({ length: proxies - 1 }, (_, n) => `10.0.1.${n}`);
        const header = [forwarded, client, ...inner].join(', ');
        expect(address(proxies, header)).toBe(client);
        expect(address(['10.0.0.0/16'], header)).toBe(client);
      }),
    );
  });

  test('is always an address', () => {
    const trust = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.constant(['loopback', '10.0.0.0/8', '::/1']));
    fc.assert(fc.property(trust, lies, (trustProxy, forwarded) => isIP(address(trustProxy, forwarded)) !== 0));
  });
});

test('a header that is ignored is said once', () => {
  let times = 0;
  const read = createClientAddress({ trustProxy: 0, onIgnored: () => (times += 1) });
  for (const forwarded of [undefined, CLIENT, CLIENT]) read(requestFrom(PEER, forwarded));
  expect(times).toBe(1);
});

function requestFrom(peer: string | undefined, forwarded: string | undefined): IncomingMessage {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage;
}
