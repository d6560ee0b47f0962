/** A node's session on a real PostgreSQL: locks that end with their holder, words between nodes, and the way back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type NodeSession, openNodeSession } from '../../server/database/node-session.ts';
import { eventually } from '../services/eventually.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';

let postgres: TestPostgres;
let url: string;
const sessions: NodeSession[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.newDatabase();
});
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});
afterAll(() => postgres?.close());

async function open(): Promise<NodeSession> {
  const session = await openNodeSession(url);
  sessions.push(session);
  return session;
}

test('a lock is one node’s until it gives it back', async () => {
  const [a, b] = [await open(), await open()];
  expect(await b.isLocked('upload 1')).toBe(false);
  expect(await a.tryLock('upload 1')).toBe(true);
  expect([await b.tryLock('upload 1'), await b.isLocked('upload 1'), await a.isLocked('upload 1')]).toEqual([
    false,
    true,
    true,
  ]);
  expect(await b.tryLock('upload 2')).toBe(true);
  await a.unlock('upload 1');
  expect(await b.tryLock('upload 1')).toBe(true);
  await b.unlock('never held');
});

test('a lock that is shared keeps out who wants it alone, and the other way round', async () => {
  const [a, b, c] = [await open(), await open(), await open()];
  expect([await a.tryShare('disk'), await b.tryShare('disk'), await c.tryLock('disk')]).toEqual([true, true, false]);
  for (const session of [a, b]) await session.close();
  await eventually('the lock is free', () => c.tryLock('disk'));
  expect(await (await open()).tryShare('disk')).toBe(false);
});

test('a process that is killed has lost its locks at once', async () => {
  const script = `
    import { openNodeSession } from './server/database/node-session.ts';
    const session = await openNodeSession(process.argv[1]);
    await session.tryLock('upload 3');
    console.log('held');`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', script, url];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const other = await open();
  expect(await other.tryLock('upload 3')).toBe(false);
  child.kill('SIGKILL');
  await eventually('it is free', () => other.tryLock('upload 3'), 2000);
});

test('words reach all nodes, whole and in order', async () => {
  const [a, b] = [await open(), await open()];
  const heard: string[] = [];
  for (const session of [a, b]) await session.listen('words', (text) => heard.push(text));
  const long = '“\u{1F600}”\n'.repeat(700);
  await a.notify('words', long);
  await a.notify('words', 'second');
  await eventually('all have come', () => heard.length === 4);
  expect(heard.filter((text) => text === long)).toHaveLength(2);
  expect(heard.indexOf('second')).toBeGreaterThan(0);
});

test('the database restarts: the locks are lost, that is said once, and words come again afterwards', async () => {
  const [a, b] = [await open(), await open()];
  const told: string[] = [];
  const heard: string[] = [];
  a.onLost(() => told.push('lost'));
  a.onBack(() => told.push('back'));
  await a.listen('words', (text) => heard.push(text));
  await a.tryLock('upload 4');
  await postgres.stop('immediate');
  await eventually('it is missed', () => !a.isConnected() && !b.isConnected());
  await expect(a.tryLock('upload 4')).rejects.toThrow('away');
  await expect(a.notify('words', 'nobody hears')).rejects.toThrow('away');
  await postgres.start();
  await eventually('both are back', () => a.isConnected() && b.isConnected());
  expect(told).toEqual(['lost', 'back']);
  expect(await b.tryLock('upload 4')).toBe(true);
  await b.notify('words', 'again');
  await eventually('it hears again', () => heard.includes('again'));
});

test('a database that hangs is taken for lost', async () => {
  const session = await open();
  let isLost = false;
  session.onLost(() => {
    isLost = true;
  });
  const { rows } = await postgres.query(
    "select pid from pg_stat_activity where application_name = 'chatdrop node' and datname = $1",
    [new URL(url).pathname.slice(1)],
  );
  const pid: number = rows[0].pid;
  process.kill(pid, 'SIGSTOP');
  try {
    await expect(session.tryLock('upload 5')).rejects.toThrow();
    expect(isLost).toBe(true);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
});

test('a node ends although its database hangs', async () => {
  const proxy = await startTcpProxy({ targetPort: Number(new URL(url).port) });
  const session = await openNodeSession(Object.assign(new URL(url), { port: String(proxy.port) }).href);
  proxy.hole(true);
  await session.close();
  expect(session.isConnected()).toBe(false);
  await proxy.stop();
});

test('what cannot be reached, and a wrong password, fail at once', async () => {
  await expect(openNodeSession('postgres://nobody@127.0.0.1:1/none')).rejects.toThrow('ECONNREFUSED');
  await expect(openNodeSession(url.replace(/[^/]*$/, 'no_such_database'))).rejects.toThrow('does not exist');
});
