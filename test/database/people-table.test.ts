/** Sessions and profiles: one row each, however often and by how many at once they are named. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { sharedSecret } from '../../server/database/server-value-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

const people = createPeopleTable();
const sessionId = (company: string, session: string) =>
  open.database.transaction((transaction) => people.sessionId(transaction, company, session, 5));
const profileId = (person: Parameters<typeof people.profileId>[1]) =>
  open.database.transaction((transaction) => people.profileId(transaction, person, 5));

test('a session has one row', async () => {
  const ids = await Promise.all(Array.from({ length: 10 }, () => sessionId('c', 's')));
  expect(new Set(ids).size).toBe(1);
  expect(await sessionId('c', 't')).not.toBe(ids[0]);
  expect(await sessionId('d', 's')).not.toBe(ids[0]);
});

test('a person has one row: an agent by subject, a visitor by subject or else by session', async () => {
  const agent = { company: 'c', role: 'agent' as const, session: 's', subject: 'ann' };
  const visitor = { company: 'c', role: 'user' as const, session: 's', subject: null };
  expect(await profileId({ ...agent, session: 't' })).toBe(await profileId(agent));
  expect(await profileId({ ...agent, subject: 'bob' })).not.toBe(await profileId(agent));
  expect(await profileId(visitor)).toBe(await profileId(visitor));
  expect(await profileId({ ...visitor, session: 't' })).not.toBe(await profileId(visitor));
  expect(await profileId({ ...visitor, subject: 'ann' })).not.toBe(await profileId(agent));
  expect(await profileId({ ...agent, company: 'd' })).not.toBe(await profileId(agent));
});

test('both are found together, or made', async () => {
  const idsOf = (session: string, subject: string | null) =>
    runnerOf(open.database).transact(() => people.steps.idsOf({ company: 'e', role: 'agent', session, subject }, 5));
  const ids = await Promise.all(Array.from({ length: 10 }, () => idsOf('s', 'ann')));
  expect(new Set(ids.map((each) => JSON.stringify(each))).size).toBe(1);
  const first = ids[0] as (typeof ids)[number];
  expect(first).toEqual({
    chatSessionId: await sessionId('e', 's'),
    profileId: await profileId({ company: 'e', role: 'agent', session: 's', subject: 'ann' }),
  });
  const another = await idsOf('t', 'ann');
  expect(another).toEqual({ chatSessionId: await sessionId('e', 't'), profileId: first.profileId });
  expect(another.chatSessionId).not.toBe(first.chatSessionId);
  expect((await idsOf('t', null)).profileId).not.toBe(first.profileId);
});

test('a shared secret is made once and stays', async () => {
  const secrets = await Promise.all(Array.from({ length: 5 }, () => sharedSecret(open.database, 'key')));
  expect(new Set(secrets).size).toBe(1);
  expect(Buffer.from(secrets[0] ?? '', 'base64url')).toHaveLength(48);
  expect(await sharedSecret(open.database, 'another')).not.toBe(secrets[0]);
});
