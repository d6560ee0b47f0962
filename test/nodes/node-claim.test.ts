/** What a node claims stays its own through a restart of PostgreSQL; and it hears when it does not. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type NodeSession, openNodeSession } from '../../server/database/node-session.ts';
import { createNodeClaim } from '../../server/nodes/node-claim.ts';
import { eventually } from '../services/eventually.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';

let postgres: TestPostgres;
const sessions: NodeSession[] = [];
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  for (const session of sessions) await session.close();
  await postgres?.close();
});

test('is claimed again when PostgreSQL is back', async () => {
  const url = await postgres.newDatabase();
  const taken: string[] = [];
  const node = await open(url);
  const claim = createNodeClaim(node, (key) => taken.push(key));
  expect(await claim('ours', 'alone')).toBe(true);
  expect(await claim('everybody’s', 'shared')).toBe(true);
  await postgres.stop('immediate');
  await eventually('the connection is lost', async () => !node.isConnected());
  await postgres.start();
  await eventually('it is back', async () => node.isConnected());
  const other = await open(url);
  await eventually('both are claimed again', async () =>
    (await other.isLocked('ours')) && (await other.isLocked('everybody’s')) ? true : undefined,
  );
  expect([await other.tryLock('ours'), await other.tryShare('everybody’s')]).toEqual([false, true]);
  expect(taken).toEqual([]);
}, 90_000);

test('that another node was quicker is told', async () => {
  const taken: string[] = [];
  let comeBack = () => {};
  let isFree = true;
  const session = {
    tryLock: async () => isFree,
    tryShare: async () => isFree,
    onBack: (listener: () => void) => {
      comeBack = listener;
    },
  };
  const claim = createNodeClaim(session, (key) => taken.push(key), 0);
  expect(await claim('ours', 'alone')).toBe(true);
  isFree = false;
  comeBack();
  await eventually('the node has heard of it', async () => taken.includes('ours'));
  expect(await claim('another', 'shared')).toBe(false);
});

async function open(url: string): Promise<NodeSession> {
  const session = await openNodeSession(url);
  sessions.push(session);
  return session;
}
