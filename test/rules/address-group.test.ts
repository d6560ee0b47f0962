/** What counts as one address: IPv4 each by itself, IPv6 by the network that its owner chooses addresses from. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressGroup } from '../../server/rules/address-group.ts';
import { creationKeys } from '../../server/rules/creation-limits.ts';

describe('an address counts as', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s → %s', (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });

  test.each([
    '',
    ' ',
    '1',
    '127.1',
    '0x7f000001',
    '010.0.0.1',
    '256.1.1.1',
    '1.2.3.4:80',
    '[::1]',
    'unknown',
    'a.example',
    '::g',
  ])('nothing: %j', (text) => {
    expect(addressGroup(text)).toBeNull();
  });

  test('the same for any two addresses of a network, another for another network', () => {
    const half = fc.array(fc.nat(0xffff), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(half, half, half, half, (network, otherNetwork, host, otherHost) => {
        const address = (...groups: number[]) => groups.map((group) => group.toString(16)).join(':');
        const group = addressGroup(address(...network, ...host));
        // ::ffff:0:0/96 is IPv4.
        fc.pre(group?.endsWith('/64') === true);
        const neighbour = addressGroup(address(...network, ...otherHost));
        expect(neighbour?.endsWith('/64') ? neighbour : group).toBe(group);
        const same = network.join() === otherNetwork.join();
        expect(addressGroup(address(...otherNetwork, ...host)) === group).toBe(same);
      }),
    );
    fc.assert(fc.property(fc.ipV4(), (address) => addressGroup(address) === address));
  });

  test('no text makes it throw, or makes a key that is long', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.webAuthority()), (text) => {
        expect((addressGroup(text) ?? '').length).toBeLessThan(30);
      }),
    );
  });
});

test('a visitor is counted by session and address, an agent by name only', () => {
  const someone = { company: 'c', session: 's', subject: 'me', expiresAt: 0 };
  expect(creationKeys({ ...someone, role: 'user' }, '2001:db8::1')).toEqual({
    user: 'c/user/s',
    address: '2001:db8:0:0::/64',
  });
  expect(creationKeys({ ...someone, role: 'user' }, '').address).toBe('unknown');
  expect(creationKeys({ ...someone, role: 'agent' }, '2001:db8::1')).toEqual({ user: 'c/agent/me', address: null });
});
