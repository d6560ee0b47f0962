/** Where webhooks may go: the addresses that people try in order to get into somebody's network, and those that are fine. */
import { describe, expect, test } from 'vitest';
import {
  isAllowedAddress,
  privateTargets,
  readPrivateTarget,
  webhookUrlFault,
} from '../../server/rules/webhook-target.ts';

const NOTHING = privateTargets([]);
const OWN = privateTargets(['10.1.2.3', '10.20.0.0/16', 'fd00:1::/64', 'Hooks.Internal'].map(readPrivateTarget));

describe('an address of a webhook', () => {
  test.each([
    'https://example.com/hooks',
    'https://example.com:8443/hooks?token=secret',
    'https://EXAMPLE.com',
    'https://bücher.example/',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://xn--bcher-kva.example./',
  ])('%s is fine', (url) => {
    expect(webhookUrlFault(url, NOTHING)).toBeNull();
  });

  test.each([
    // Every way to write 127.0.0.1 that the URL parser understands.
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.0.0.1/',
    'https://0177.0.0.1/',
    'https://017700000001/',
    'https://127.0.0.1./',
    'https://１２７.０.０.１/',
    'https://127。0。0。1/',
    'https://%31%32%37.0.0.1/',
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::127.0.0.1]/',
    // This host, networks of one's own, carriers, link-local and the metadata of clouds.
    'https://0.0.0.0/',
    'https://0/',
    'https://[::]/',
    'https://10.0.0.1/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/',
    'https://0xa9fea9fe/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[fe80::1]/',
    'https://[fec0::1]/',
    'https://[fc00::1]/',
    'https://[fd00:ec2::254]/',
    // IPv4 in IPv6: NAT64, its local form, 6to4, Teredo.
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[64:ff9b:1::1]/',
    'https://[2002:7f00:1::]/',
    'https://[2002:a9fe:a9fe::1]/',
    'https://[2001:0:7f00:1::]/',
    // Multicast, broadcast, reserved, documentation, benchmarks.
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://240.0.0.1/',
    'https://198.18.0.1/',
    'https://192.0.2.1/',
    'https://198.51.100.1/',
    'https://203.0.113.1/',
    'https://192.0.0.1/',
    'https://[ff02::1]/',
    'https://[2001:db8::1]/',
    'https://[100::1]/',
    'https://[5f00::1]/',
    'https://[4000::1]/',
  ])('%s leads to a private address', (url) => {
    expect(webhookUrlFault(url, NOTHING)).toBe('leads to a private address');
  });

  test.each([
    ['http://example.com/', 'must begin with https://'],
    ['ftp://example.com/', 'must begin with https://'],
    ['file:///etc/passwd', 'must begin with https://'],
    ['javascript:alert(1)', 'must begin with https://'],
    ['example.com/hooks', 'is no address'],
    ['https://', 'is no address'],
    ['https://1.2.3.4.5/', 'is no address'],
    ['https://[fe80::1%25eth0]/', 'is no address'],
    ['https://user@example.com/', 'must hold no user name or password'],
    ['https://user:pass@example.com/', 'must hold no user name or password'],
    ['https://example.com#@127.0.0.1/', 'must have no fragment'],
    ['https://example.com:22/', 'must have port 443 or one from 1024'],
    ['https://example.com:25/', 'must have port 443 or one from 1024'],
    ['https://example.com:0/', 'must have port 443 or one from 1024'],
    [`https://example.com/${'a'.repeat(2048)}`, 'is longer than 2048 characters'],
  ])('%s %s', (url, fault) => {
    expect(webhookUrlFault(url, NOTHING)).toBe(fault);
  });

  test('inside one’s own network is what the operator lists, and nothing beside it', () => {
    for (const url of [
      'http://10.1.2.3/',
      'http://10.1.2.3:80/hooks',
      'https://10.20.255.1:9/',
      'http://[fd00:1::5]:8080/',
      'http://HOOKS.internal/',
      'http://hooks.internal./',
      'http://[::ffff:10.1.2.3]/',
    ])
      expect([url, webhookUrlFault(url, OWN)]).toEqual([url, null]);
    for (const url of [
      'https://10.1.2.4/',
      'https://[fd00:2::5]/',
      'http://other.hooks.internal/',
      'http://10.21.0.1/',
    ])
      expect([url, webhookUrlFault(url, OWN)]).not.toEqual([url, null]);
    expect(isAllowedAddress('127.0.0.1', 'hooks.internal', OWN)).toBe(true);
    expect(isAllowedAddress('127.0.0.1', 'example.com', OWN)).toBe(false);
    expect(isAllowedAddress('::ffff:10.20.0.9', 'example.com', OWN)).toBe(true);
    expect(isAllowedAddress('fe80::1%eth0', 'example.com', OWN)).toBe(false);
    expect(isAllowedAddress('nonsense', 'hooks.internal', OWN)).toBe(false);
  });
});

test('what is listed is an address, a network or a host name', () => {
  expect(['10.1.2.3', '10.0.0.0/8', '::1', 'fd00::/8', 'Hooks.internal', 'hooks'].map(readPrivateTarget)).toEqual([
    '10.1.2.3/32',
    '10.0.0.0/8',
    '::1/128',
    'fd00::/8',
    'hooks.internal',
    'hooks',
  ]);
  for (const entry of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', 'http://hooks', 'a b', 'hooks/8', '*'])
    expect(() => readPrivateTarget(entry)).toThrow(/no address, network or host name/);
});
