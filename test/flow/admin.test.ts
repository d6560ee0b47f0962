/** The operator's API: who gets in, and what is owed. */
import { expect, test } from 'vitest';
import { codeOf, get } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented } from '../services/documented.ts';
import { create } from '../services/tus-wire.ts';
import { jsonOf } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const server = chatdropForSuite({ env: { ADMIN_TOKEN } });
const closed = chatdropForSuite();

test('only ADMIN_TOKEN in the header opens it', async () => {
  const { baseUrl } = server();
  const room = newChatRoom();
  for (const token of [undefined, room.agent, room.visitor, `${ADMIN_TOKEN}.`, ADMIN_TOKEN.slice(1)]) {
    const answer = await get(baseUrl, '/api/admin/jobs/', token);
    expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthenticated']);
  }
  const byCookie = await get(baseUrl, '/api/admin/jobs/', undefined, { cookie: `chatdrop=${ADMIN_TOKEN}` });
  const byQuery = await get(baseUrl, `/api/admin/jobs/?token=${encodeURIComponent(ADMIN_TOKEN)}`);
  expect([byCookie.status, byQuery.status]).toEqual([401, 401]);
  expect((await get(baseUrl, '/api/admin/jobs/', ADMIN_TOKEN)).status).toBe(200);
  expect((await get(baseUrl, '/api/chat/config/', ADMIN_TOKEN)).status).toBe(401);
});

test('without ADMIN_TOKEN there is none', async () => {
  for (const token of [undefined, ADMIN_TOKEN, ''])
    expect((await get(closed().baseUrl, '/api/admin/jobs/', token)).status).toBe(404);
});

test('what is owed is listed as documented', async () => {
  const { baseUrl } = server();
  const expectDocumented = createExpectDocumented(jsonOf(await get(baseUrl, '/openapi.json')));
  const room = newChatRoom();
  const { url } = await create({ baseUrl, token: room.visitor, length: 10 });
  const database = await server().openDatabase();
  const id = url.split('/').at(-1);
  await database('uploads')
    .where({ id })
    .update({ state: 'aborted', last_error: 'the disk is away', attempts: 3, next_attempt_at: 9e12 });
  const answer = await get(baseUrl, '/api/admin/jobs/?limit=5', ADMIN_TOKEN);
  expectDocumented('GET /api/admin/jobs/', answer);
  expect(jsonOf(answer)).toMatchObject({
    counts: { 'discard upload': 1, 'delete object': 0 },
    jobs: [{ kind: 'discard upload', key: id, state: 'waiting', attempts: 3, last_error: 'the disk is away' }],
    chores: [],
  });
  await database.destroy();
  expect((await get(baseUrl, '/api/admin/jobs/?limit=0', ADMIN_TOKEN)).status).toBe(400);
});

test('finds of the scanner are listed page by page, of all or of one company, as documented', async () => {
  const { baseUrl } = server();
  const expectDocumented = createExpectDocumented(jsonOf(await get(baseUrl, '/openapi.json')));
  const database = await server().openDatabase();
  const companies = ['one', 'other', 'one', 'one'];
  await database('infections').insert(
    companies.map((company_id, at) => ({
      ...{ company_id, session_id: 's', uploader: 'agent', subject: 'anna', name: `${at}.pdf`, found_at: 1000 + at },
      ...{ upload_id: `upload-${at}`, sha256: 'a'.repeat(64), size: 68, signature: 'Eicar' },
    })),
  );
  await database.destroy();
  const ask = (query: string) => get(baseUrl, `/api/admin/infections/${query}`, ADMIN_TOKEN);
  const pageOf = async (query: string) => {
    const answer = await ask(query);
    expectDocumented('GET /api/admin/infections/', answer);
    return jsonOf<{ infections: { name: string }[]; next_cursor: string | null }>(answer);
  };
  const namesOf = ({ infections }: { infections: { name: string }[] }) => infections.map(({ name }) => name).join(' ');
  const first = await pageOf('?company_id=one&limit=2');
  expect(first.infections[0]).toMatchObject({ company_id: 'one', subject: 'anna', file_id: null, signature: 'Eicar' });
  const rest = await pageOf(`?company_id=one&limit=2&cursor=${first.next_cursor}`);
  expect([namesOf(first), namesOf(rest), rest.next_cursor]).toEqual(['3.pdf 2.pdf', '0.pdf', null]);
  expect(namesOf(await pageOf(''))).toBe('3.pdf 2.pdf 1.pdf 0.pdf');
  expect(await pageOf('?company_id=nobody')).toEqual({ infections: [], next_cursor: null });
  for (const query of ['?cursor=x', '?limit=0', '?limit=1001', '?company_id=a%2Fb'])
    expect([query, (await ask(query)).status]).toEqual([query, 400]);
});
