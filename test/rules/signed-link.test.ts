/** A signed link opens one key in one way until one moment; whatever is altered voids it. */
import { describe, expect, test } from 'vitest';
import { checkLink, type LinkQuery, signLink } from '../../server/rules/signed-link.ts';

const KEY = 'chat/c/s/aaaaaaaaaaaaaaaaaaaaaa.png';
const link = readLink(signLink('secret', KEY, { expiresAt: 1000, disposition: 'inline', epoch: 0 }));
const later = readLink(signLink('secret', KEY, { expiresAt: 1000, disposition: 'inline', epoch: 3 }));
type Query = LinkQuery;

test('opens until its second is over', () => {
  const terms = { expiresAt: 1000, disposition: 'inline', epoch: 0 };
  expect([999, 1000].map((now) => checkLink('secret', KEY, link, now))).toEqual([terms, terms]);
  expect(checkLink('secret', KEY, later, 1000)).toEqual({ ...terms, epoch: 3 });
  expect(() => checkLink('secret', KEY, link, 1001)).toThrow(expect.objectContaining({ code: 'link-expired' }));
});

test('needs no escaping in an address', () => {
  for (let at = 0; at < 50; at += 1)
    expect(signLink('secret', KEY, { expiresAt: at, disposition: 'attachment', epoch: at % 3 })).toMatch(
      /^[A-Za-z0-9_=&-]+$/,
    );
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
    ['a later epoch', 'secret', KEY, { epoch: '1' }],
    ['the first epoch, written', 'secret', KEY, { epoch: '0' }],
    ['another’s epoch', 'secret', KEY, { epoch: '4', signature: later.signature }],
    ['an epoch left out', 'secret', KEY, { signature: later.signature }],
    [
      'an epoch moved over a border',
      'secret',
      `${KEY}\n1000`,
      { expires: 'inline', disposition: '3', signature: later.signature },
    ],
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

function readLink(query: string): Query {
  return { epoch: '', ...Object.fromEntries(new URLSearchParams(query)) } as Query;
}
