/** A signed link opens one key in one way until one moment; whatever is altered voids it. */
import { describe, expect, test } from 'vitest';
import { checkLink, signLink } from '../../server/rules/signed-link.ts';

const KEY = 'chat/c/s/aaaaaaaaaaaaaaaaaaaaaa.png';
const link = Object.fromEntries(new URLSearchParams(signLink('secret', KEY, 1000, 'inline'))) as Query;
type Query = { expires: string; disposition: string; signature: string };

test('opens until its second is over', () => {
  expect([999, 1000].map((now) => checkLink('secret', KEY, link, now))).toEqual(['inline', 'inline']);
  expect(() => checkLink('secret', KEY, link, 1001)).toThrow(expect.objectContaining({ code: 'link-expired' }));
});

test('needs no escaping in an address', () => {
  for (let at = 0; at < 50; at += 1) expect(signLink('secret', KEY, at, 'attachment')).toMatch(/^[A-Za-z0-9_=&-]+$/);
});

describe('is void when altered', () => {
  test.each<[string, string, string, Partial<Query>]>([
    ['another key', 'secret', KEY.replace('png', 'gif'), {}],
    ['another secret', 'secret2', KEY, {}],
    ['a later end', 'secret', KEY, { expires: '2000' }],
    ['the same end, written otherwise', 'secret', KEY, { expires: '01000' }],
    ['an end that is no number', 'secret', KEY, { expires: 'NaN' }],
    ['no end', 'secret', KEY, { expires: '' }],
    ['another disposition', 'secret', KEY, { disposition: 'attachment' }],
    ['no signature', 'secret', KEY, { signature: '' }],
    ['a shorter signature', 'secret', KEY, { signature: link.signature.slice(0, -1) }],
    ['a longer signature', 'secret', KEY, { signature: `${link.signature}A` }],
    ['a signature of two-byte characters', 'secret', KEY, { signature: 'ä'.repeat(43) }],
    ['parts that moved over a border', 'secret', `${KEY}\n1000`, { expires: '' }],
  ])('%s', (_how, secret, key, altered) => {
    const check = () => checkLink(secret, key, { ...link, ...altered }, 0);
    expect(check).toThrow(expect.objectContaining({ code: 'link-invalid', status: 403 }));
  });
});
