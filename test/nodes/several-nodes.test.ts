/** Several nodes on PostgreSQL and S3, behind real proxies, while visitors upload and one part after the other fails. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Database } from '../../server/database/open-database.ts';
import { bearer, get, listFiles, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import type { Chatdrop } from '../services/chatdrop-process.ts';
import { type Cluster, clusterForSuite, rgwForSuite } from '../services/cluster.ts';
import { eventually } from '../services/eventually.ts';
import { listenBySocketIo, listenByWebSocket } from '../services/faithful-listener.ts';
import { sha256Of } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { begunMultiparts, objectKeys } from '../services/shared-s3.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { signToken } from '../services/tokens.ts';
import { contentOf, startTraffic, type Traffic } from '../services/traffic.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch } from '../services/tus-wire.ts';
import { startWebProxy } from '../services/web-proxy.ts';
import { jsonOf, send } from '../services/wire.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PATIENCE_MS = 120_000;
const LONG_TEST_MS = 600_000;
const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const KEY = 'a-key-of-one-company-of-more-than-32-bytes';
const NOTES = { filename: 'notes.txt', filetype: 'text/plain' };
const rgw = rgwForSuite();
let traffic: Traffic | undefined;

afterEach(() => traffic?.abandon());

describe('three nodes with Redis, behind nginx', () => {
  const cluster = clusterForSuite({ nodes: 3, proxy: 'nginx', redis: true, rgw });

  test(
    'a node that is killed in the middle of a PATCH has lost its lock at once; what another says is heard on all',
    async () => {
      const [a, b] = cluster().nodes as [Chatdrop, Chatdrop];
      const door = await startWebProxy('nginx', [a.port]);
      const { room, agent, bytes, url, answer } = await beginAt(door, b);
      await a.kill('SIGKILL');
      // What a client sees of it. The proxy sends no PATCH twice, and a client asks how far it came.
      expect((await answer).status).toBe(502);
      expect((await head(url, room.visitor)).status).toBe(423);
      await door.close();
      const other = at(b, url);
      const found = await head(other, room.visitor);
      expect(found.status).toBe(200);
      const offset = offsetOf(found);
      const last = await patch({ url: other, token: room.visitor, offset, body: bytes.subarray(offset) });
      expect([last.status, fileIdOf(last)]).toEqual([204, expect.any(Number)]);
      await agent.waitForEvent('file_shared', PATIENCE_MS);
      agent.close();
      await a.restart();
    },
    LONG_TEST_MS,
  );

  test(
    'a node whose connection to PostgreSQL ends stops writing and keeps what came; another goes on',
    async () => {
      const [a, b] = cluster().nodes as [Chatdrop, Chatdrop];
      const { postgres } = cluster();
      const { room, agent, bytes, url, answer } = await beginAt(a, b);
      await postgres.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatdrop node'",
      );
      expect((await answer).status).toBe(423);
      const other = at(b, url);
      const offset = await eventually('another node knows how far it came', async () => {
        const found = await head(other, room.visitor);
        expect([200, 423]).toContain(found.status);
        return found.status === 200 && offsetOf(found);
      });
      expect(offset).toBeGreaterThan(0);
      expect(offset).toBeLessThanOrEqual(100 * KIB);
      const last = await patch({ url: other, token: room.visitor, offset, body: bytes.subarray(offset) });
      expect([last.status, fileIdOf(last)]).toEqual([204, expect.any(Number)]);
      agent.close();
    },
    LONG_TEST_MS,
  );

  test(
    'six writers at one upload on three nodes: it comes to the bytes that were sent, and to one file',
    async () => {
      const { nodes, baseUrl } = cluster();
      const { visitor: token, ...room } = newChatRoom();
      const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join(''));
      const { url } = await create({ baseUrl, token, length: bytes.length, metadata: NOTES });
      const statuses = new Set<number>();
      for (let offset = 0, round = 0; offset < bytes.length; round += 1) {
        const writers = [...nodes, ...nodes].map((node, index) =>
          patch({ url: at(node, url), token, offset, body: bytes.subarray(offset, offset + (index + 1) * 7000) }),
        );
        for (const { status } of await Promise.all(writers)) statuses.add(status);
        const found = await head(at(nodes[round % nodes.length] as Chatdrop, url), token);
        if (found.status === 200) offset = offsetOf(found);
      }
      expect([...statuses].filter((status) => ![204, 409, 423].includes(status))).toEqual([]);
      const { files } = await listFiles(baseUrl, { ...room, visitor: token });
      expect(files).toMatchObject([{ name: 'notes.txt', size: bytes.length }]);
      const content = await contentOf(`${baseUrl}/api/chat/files/${files[0]?.id}/content`, token);
      expect(await sha256Of(content)).toBe(await sha256Of(bytes));
    },
    LONG_TEST_MS,
  );

  test(
    'a file that is shared on one node is told of on all, once and in order, also while Redis hangs',
    async () => {
      const { nodes, redis } = cluster();
      const room = newChatRoom();
      const listeners = nodes.flatMap(({ baseUrl }) => [
        listenBySocketIo(baseUrl, room),
        listenBySocketIo(baseUrl, room, ['polling']),
        listenByWebSocket(baseUrl, room),
      ]);
      await Promise.all(listeners.map(({ connected }) => connected));
      const names: string[] = [];
      const share = async (node: Chatdrop) => {
        const name = `file-${names.push('')}.txt`;
        names[names.length - 1] = name;
        await shareFile({ baseUrl: node.baseUrl, room, body: Buffer.from(`${name}\n`), name, type: 'text/plain' });
      };
      const untilHeard = () =>
        eventually('all have heard', () => listeners.every(({ shared }) => shared.length >= names.length), PATIENCE_MS);
      for (const node of nodes) await share(node);
      await untilHeard();
      redis?.pause();
      for (const node of nodes) await share(node);
      await untilHeard();
      redis?.resume();
      for (const { name, shared, close } of listeners) {
        expect([name, shared.map((event) => event.name)]).toEqual([name, names]);
        close();
      }
    },
    LONG_TEST_MS,
  );

  test(
    'nodes are killed (SIGKILL) in the middle of everything: nothing is lost or doubled, nobody starts over',
    async () => {
      const { nodes } = cluster();
      traffic = await begin(cluster(), 12);
      for (const node of nodes.slice(1)) {
        await traffic.more(30);
        await node.kill('SIGKILL');
        // The others serve alone for a while.
        await traffic.more(30);
        await node.restart();
      }
      // With all nodes back, the proxy takes each in its turn.
      await eventually('an upload came to all of them', () => traffic?.spread() === nodes.length, PATIENCE_MS);
      await traffic.finish();
    },
    LONG_TEST_MS,
  );

  test(
    'all nodes are restarted, one after the other, under fifty uploads',
    async () => {
      const { nodes } = cluster();
      traffic = await begin(cluster(), 50);
      for (const node of nodes) {
        await traffic.more(30);
        expect(await node.kill('SIGTERM')).toEqual({ code: 0, signal: null });
        await node.restart();
      }
      await traffic.more(30);
      expect(traffic.running()).toBe(50);
      await traffic.finish();
      expect([...traffic.answers.keys()].filter((answer) => answer.startsWith('GET'))).toEqual(['GET 200']);
    },
    LONG_TEST_MS,
  );

  test(
    'PostgreSQL, Redis and S3 are killed or refuse, each in its turn; at the end nothing is left over',
    async () => {
      const { postgres, redis, s3 } = cluster();
      traffic = await begin(cluster(), 8);
      const { baseUrl } = cluster();
      // Large enough for parts.
      const large = await startTraffic({ baseUrl, visitors: 3, fileBytes: 6 * MIB, chunkBytes: 1.5 * MIB });
      const meanwhile = () => Promise.all([traffic?.more(20), large.more(4)]);
      await meanwhile();
      await redis?.stop();
      await meanwhile();
      await postgres.stop('SIGKILL');
      await postgres.start();
      await meanwhile();
      await redis?.start();
      for (const operation of ['PutObject', 'UploadPart', 'CompleteMultipartUpload', 'DeleteObject'] as const)
        for (const fault of ['503', 'cut', 'lost', 'error-in-200'] as const) s3?.faults.fail(operation, fault, 3);
      await meanwhile();
      await s3?.rgw.stopGateway();
      await s3?.rgw.startGateway();
      await meanwhile();
      s3?.faults.heal();
      await Promise.all([traffic.finish(), large.finish()]).finally(large.abandon);
      await expectNoOrphans(cluster());
    },
    LONG_TEST_MS,
  );
});

describe('two nodes without Redis, behind HAProxy', () => {
  const cluster = clusterForSuite({ nodes: 2, proxy: 'haproxy', rgw, env: { ADMIN_TOKEN } });

  test(
    'a policy and a key that are set on one node, or by the command line, hold on the other; a removed key cuts there too',
    async () => {
      const [a, b] = cluster().nodes as [Chatdrop, Chatdrop];
      const { company, session } = newChatRoom();
      const admin = (method: string, path: string, body?: object) =>
        send({
          method,
          url: `${a.baseUrl}/api/admin/companies/${company}/${path}`,
          headers: bearer(ADMIN_TOKEN),
          body: body && JSON.stringify(body),
        });
      const claims = { company_id: company, session_id: session, role: 'user' };
      const token = signToken(claims, { secret: KEY });
      const configAt = (node: Chatdrop) => get(node.baseUrl, '/api/chat/config/', token);
      expect((await admin('PUT', 'policy/', { max_file_size: 12_345 })).status).toBe(200);
      expect((await admin('POST', 'keys/', { key: KEY, id: 'one' })).status).toBe(201);
      for (const node of [a, b])
        await eventually('it holds', async () => {
          const answer = await configAt(node);
          return answer.status === 200 && jsonOf<{ max_file_size: number }>(answer).max_file_size === 12_345;
        });
      const set = await runCommandHere(['company', 'set', company, 'max_file_size=2KB'], cluster().settings);
      expect(set.stderr).toBe('');
      for (const node of [a, b])
        await eventually('and what the command line says', async () => {
          const answer = await configAt(node);
          return jsonOf<{ max_file_size: number }>(answer).max_file_size === 2048;
        });
      const socket = recordSocket({ baseUrl: b.baseUrl, auth: { token } });
      await socket.waitForEvent('connection_established');
      expect((await admin('DELETE', 'keys/one/')).status).toBe(204);
      await socket.waitForEvent('disconnect', PATIENCE_MS);
      expect([(await configAt(a)).status, (await configAt(b)).status]).toEqual([401, 401]);
    },
    LONG_TEST_MS,
  );

  test(
    'one is killed, the other restarted, the database too: PostgreSQL alone carries locks, words and limits',
    async () => {
      const [a, b] = cluster().nodes as [Chatdrop, Chatdrop];
      const { postgres } = cluster();
      traffic = await begin(cluster(), 10);
      await traffic.more(30);
      await a.kill('SIGKILL');
      await traffic.more(30);
      await a.restart();
      await b.restart();
      await traffic.more(30);
      await postgres.stop('fast');
      await postgres.start();
      await traffic.more(30);
      await traffic.finish();
      await expectNoOrphans(cluster());
    },
    LONG_TEST_MS,
  );
});

/** 100 KiB of an upload have come to one node, whose PATCH is still open; an agent at another sees it. */
async function beginAt(node: { baseUrl: string }, other: Chatdrop) {
  const room = newChatRoom();
  const agent = recordSocket({ baseUrl: other.baseUrl, auth: { token: room.agent, session_id: room.session } });
  await agent.waitForEvent('connection_established', PATIENCE_MS);
  const bytes = Buffer.alloc(300 * KIB, 'a line of text\n');
  const { url } = await create({ baseUrl: node.baseUrl, token: room.visitor, length: bytes.length, metadata: NOTES });
  const writing = openPatch({ url, token: room.visitor, offset: 0, length: bytes.length, timeoutMs: PATIENCE_MS });
  await writing.write(bytes.subarray(0, 100 * KIB));
  await agent.waitFor(({ name, payload }) => name === 'upload_progress' && payload.offset > 0, PATIENCE_MS);
  return { room, agent, bytes, url, answer: writing.answer };
}

/** Four PATCHes a file. */
function begin({ baseUrl }: Cluster, visitors: number): Promise<Traffic> {
  return startTraffic({ baseUrl, visitors, fileBytes: 250 * KIB, chunkBytes: 64 * KIB });
}

/** The same upload at this very node, past the proxy. */
function at(node: Chatdrop, url: string): string {
  return node.baseUrl + new URL(url).pathname;
}

/**
 * In the bucket is what the chats show, and nothing else, once what was given up while a part was away has expired. Nodes may still be
 * at it themselves: a chore of theirs, or a request whose client waits no more.
 */
async function expectNoOrphans(cluster: Cluster): Promise<void> {
  const database = await (cluster.nodes[0] as Chatdrop).openDatabase();
  let last: unknown = 'not looked';
  const isClean = async () => {
    last = await orphansAfterSweep(cluster, database).catch((error: unknown) => error);
    return Array.isArray(last) && last.length === 0;
  };
  await eventually('nothing is left over', isClean, PATIENCE_MS).catch(() => {});
  await database.destroy();
  expect(last).toEqual([]);
}

/** Everything that waits for its time is due at once. @returns what is in the bucket and no chat's */
async function orphansAfterSweep({ settings, s3 }: Cluster, database: Database): Promise<string[]> {
  if (s3 === null) throw new Error('There is no bucket.');
  await database('uploads').where({ state: 'open' }).update({ expires_at: 1, next_attempt_at: 0 });
  // What the store did not let go while it was away is tried again some time later; here now.
  await database('uploads').whereNotNull('last_error').update({ next_attempt_at: 0 });
  await database('removed_objects').update({ next_attempt_at: 0 });
  expect(await runCommandHere(['sweep'], settings)).toMatchObject({ code: 0, stderr: '' });
  const keysOfFiles = async (): Promise<string[]> => database('chat_files').pluck('storage_key');
  const known = await keysOfFiles();
  const there = await objectKeys(s3.bucket);
  expect(there).toEqual(expect.arrayContaining(known));
  // One may have been recorded meanwhile.
  const files = new Set(await keysOfFiles());
  return [...there.filter((key) => !files.has(key)), ...(await begunMultiparts(s3.bucket))];
}
