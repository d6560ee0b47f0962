/** The command line: what it prints, how it ends, what it refuses; and that nothing secret comes into the log. */
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { bearer, get, listFiles, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type CommandEnd, runCommand, runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

/** The drain's own limit (10 s) and what the closing takes. */
const DRAIN_LIMIT_MS = 12_000;

/** Commands whose own help a usage error points to. */
const KNOWN = ['serve', 'migrate', 'token', 'doctor', 'files', 'jobs', 'sweep'];
const OF_FILES = ['files list', 'files remove', 'files verify'];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-command-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('what it says of itself', () => {
  test('--help names every command, --version the version', async () => {
    const help = await run(['--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    for (const word of [...KNOWN, '--help', '--version']) expect(help.stdout).toContain(word);
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });

  test('a reader that has gone, such as head, gets no stack trace for it', async () => {
    expect(await runCommand(['--help'], {}, { unread: true })).toEqual({ code: 1, stdout: '', stderr: '' });
  });

  test.each(KNOWN)('%s --help says what it takes', async (command) => {
    const help = await runHere([command, '--help'], { PORT: 'wrong' });
    expect([help.code, help.stdout, help.stderr]).toEqual([0, expect.stringContaining(`chatdrop`), '']);
    expect(help.stdout).toContain(command);
  });

  test('needs no right setting for that', async () => {
    expect((await runHere(['--help'], { PORT: 'wrong' })).code).toBe(0);
  });
});

describe('wrong usage is exit code 2, with what to do', () => {
  test.each([
    [['fly']],
    [['--fly']],
    [['serve', 'now']],
    [['serve', '--fast']],
    [['migrate', '--up']],
    [['token']],
    [['token', '--company', 'a/b', '--role', 'user', '--session', 's']],
    [['token', '--company', 'c', '--role', 'admin']],
    [['token', '--company', 'c', '--role', 'user']],
    [['token', '--company', 'c', '--role', 'user', '--session', 'a b']],
    [['token', '--company', 'c', '--role', 'agent']],
    [['token', '--company', 'c', '--role', 'agent', '--sub', 'x'.repeat(256)]],
    [['token', '--company', 'c', '--role', 'user', '--session', 's', '--sub', '']],
    [['token', '--company', 'c', '--role', 'user', '--session', 's', '--expires', 'soon']],
    [['token', '--company', 'c', '--role', 'user', '--session', 's', '--expires']],
    [['doctor', 'now']],
    [['sweep', '--all']],
    [['jobs', '--limit', '0']],
    [['jobs', '--limit', '1e3']],
    [['files']],
    [['files', 'burn']],
    [['files', 'list', '--company', 'a/b']],
    [['files', 'list', '--session', '']],
    [['files', 'list', '--after', 'x']],
    [['files', 'list', '--limit', '100001']],
    [['files', 'remove']],
    [['files', 'remove', '1', 'two']],
    [['files', 'remove', '--all']],
    [['files', 'verify', 'deep']],
  ])('%j', async (args) => {
    const { code, stdout, stderr } = await runHere(args, { JWT_SECRET: TEST_SECRET });
    expect([code, stdout]).toEqual([2, '']);
    // A command of two words is named by both, once both are understood.
    const [first = '', second = ''] = args;
    const [name] = [`${first} ${second}`, first, ''].filter((words) => [...KNOWN, ...OF_FILES, ''].includes(words));
    expect(stderr).toContain(`See: ${['chatdrop', name, '--help'].filter(Boolean).join(' ')}\n`);
  });
});

test.each([['serve'], ['migrate'], ['token']])(
  '%s with wrong settings is exit code 1, with all faults and no secret',
  async (command) => {
    const env = { PORT: 'eighty', CHAT_MAX_FILE_SIZE: 'big', JWT_SECRET: 'hunter2', REDIS_URL: 'http://x:hunter2@y' };
    const { code, stdout, stderr } = await runHere([command], env);
    expect([code, stdout]).toEqual([1, '']);
    for (const name of ['PORT', 'CHAT_MAX_FILE_SIZE', 'JWT_SECRET', 'REDIS_URL'])
      expect(stderr).toContain(`- ${name} `);
    expect(stderr).not.toContain('hunter2');
  },
);

test('exit codes are the process’s own', async () => {
  const [usage, settings] = await Promise.all([run(['fly']), run(['serve'], { PORT: 'eighty' })]);
  expect([usage.code, settings.code]).toEqual([2, 1]);
});

describe('migrate', () => {
  test('goes up, has nothing to do, goes down and up again', async () => {
    const env = { DATA_DIR: join(folder, 'migrate') };
    const lines: unknown[] = [];
    for (const args of [['migrate'], ['migrate'], ['migrate', '--down'], ['migrate', '--down'], ['migrate']]) {
      const { code, stdout, stderr } = await runHere(args, env);
      lines.push([code, stdout.replaceAll(/\d{4}-\S+\n/g, '…'), stderr]);
    }
    expect(lines).toEqual([
      [0, expect.stringMatching(/^(up …)+$/), ''],
      [0, 'Nothing to do.\n', ''],
      [0, expect.stringMatching(/^(down …)+$/), ''],
      [0, 'Nothing to do.\n', ''],
      [0, expect.stringMatching(/^(up …)+$/), ''],
    ]);
  });
});

describe('token', () => {
  const server = chatdropForSuite({ env: { JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'chatdrop' } });
  const env = { JWT_SECRET: TEST_SECRET, JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'chatdrop' };

  test('prints one that the server takes: a visitor’s and an agent’s', async () => {
    const visitor = await run(['token', '--company', 'c', '--role', 'user', '--session', 's'], env);
    const agent = await run(['token', '--company', 'c', '--role', 'agent', '--sub', 'ann', '--expires', '2d'], env);
    expect([visitor.code, visitor.stderr, agent.code, agent.stderr]).toEqual([0, '', 0, '']);
    for (const token of [visitor.stdout.trim(), agent.stdout.trim()]) {
      expect((await get(server().baseUrl, '/api/chat/files/?company_id=c&session_id=s', token)).status).toBe(200);
    }
    const claims = JSON.parse(Buffer.from(agent.stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.exp - claims.iat).toBe(2 * 86_400);
  });

  test('before the first start in development mode is good after it', async () => {
    const dataDir = join(folder, 'first-token');
    const { code, stdout } = await run(['token', '--company', 'c', '--role', 'user', '--session', 's'], {
      DATA_DIR: dataDir,
    });
    expect(code).toBe(0);
    const started = await startChatdrop({ development: true, dataDir });
    expect((await get(started.baseUrl, '/api/chat/config/', stdout.trim())).status).toBe(200);
    await started.stop();
  });
});

describe('serve', () => {
  test('on a port in use ends with exit code 1 and says what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { code, stderr } = await run(['serve'], { PORT: String(port), DATA_DIR: join(folder, 'port') });
    other.close();
    expect(stderr).toContain(`Port ${port} is in use. Stop the other program, or set another PORT.`);
    expect(code).toBe(1);
  });

  test('twice on one folder: the second ends with exit code 1, the first goes on; so do migrate and token', async () => {
    const first = await startChatdrop();
    const env = { DATA_DIR: first.dataDir, PORT: String(await freePort()), JWT_SECRET: TEST_SECRET };
    for (const command of ['serve', 'migrate']) {
      const { code, stderr } = await run([command], env);
      expect([code, stderr]).toEqual([1, expect.stringContaining(`Another Chatdrop is running on ${first.dataDir}.`)]);
    }
    expect((await run(['token', '--company', 'c', '--role', 'user', '--session', 's'], env)).code).toBe(0);
    expect((await get(first.baseUrl, '/readyz')).status).toBe(200);
    expect((await first.stop())?.code).toBe(0);
  });

  test('on a folder that cannot be one ends with exit code 1', async () => {
    await writeFile(join(folder, 'file'), '');
    const { code, stderr } = await run(['serve'], { DATA_DIR: join(folder, 'file', 'data') });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^chatdrop: /)]);
  });

  test('on a database that is none ends with exit code 1', async () => {
    const database = join(folder, 'no-database');
    await writeFile(database, 'this is no database, and longer than its header of one hundred bytes'.repeat(20));
    const env = { DATA_DIR: join(folder, 'no-database-data'), DATABASE_URL: `sqlite:${database}` };
    const { code, stderr } = await run(['serve'], env);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^chatdrop: /)]);
  });
});

describe('SIGTERM', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s with an upload under way: exit 0 in time, and every byte is kept',
    async (signal) => {
      const dataDir = await mkdtemp(join(folder, 'drain-'));
      const server = await startChatdrop({ dataDir });
      const room = newChatRoom();
      const body = mp4File(500_000);
      const { url } = await create({ baseUrl: server.baseUrl, token: room.visitor, length: body.length });
      const open = openPatch({ url, token: room.visitor, offset: 0, length: body.length });
      await open.write(body.subarray(0, 200_000));
      await eventually('the server has them', async () => (await sizeOnDisk(dataDir, url)) === 200_000);
      const startedAt = performance.now();
      const ended = await server.kill(signal);
      expect([ended, performance.now() - startedAt < DRAIN_LIMIT_MS]).toEqual([{ code: 0, signal: null }, true]);
      const answer = await open.answer;
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, expect.any(String)]);
      await server.restart();
      expect(offsetOf(await head(url, room.visitor))).toBe(200_000);
      const rest = await patch({ url, token: room.visitor, offset: 200_000, body: body.subarray(200_000) });
      const content = await get(server.baseUrl, `/api/chat/files/${fileIdOf(rest)}/content`, room.visitor);
      expect(content.body.equals(body)).toBe(true);
      await server.stop();
    },
  );

  test.each(['websocket', 'polling'] as const)(
    'with a client by %s: exit 0 long before the drain’s limit',
    async (how) => {
      const server = await startChatdrop();
      const room = newChatRoom();
      const socket = recordSocket({ baseUrl: server.baseUrl, auth: { token: room.visitor }, transports: [how] });
      await socket.waitForEvent('connection_established');
      const startedAt = performance.now();
      const ended = await server.stop();
      expect([ended, performance.now() - startedAt < DRAIN_LIMIT_MS / 2]).toEqual([{ code: 0, signal: null }, true]);
      socket.close();
    },
  );
});

describe('the log at its most talkative', () => {
  let server: Chatdrop;
  beforeAll(async () => {
    server = await startChatdrop({
      env: { LOG_LEVEL: 'trace', URL_SIGNING_SECRET: 'a-signing-secret-of-thirty-two-bytes!' },
    });
  });
  afterAll(async () => {
    await server.stop();
  });

  test('holds no token, no secret, no signature and no upload URL’s owner', async () => {
    const room = newChatRoom();
    const { baseUrl } = server;
    const socket = recordSocket({ baseUrl, auth: { token: room.visitor }, transports: ['polling', 'websocket'] });
    await socket.waitForEvent('connection_established');
    const file = await shareFile({ baseUrl, room, body: pngFile(), name: 'photo.png' });
    await listFiles(baseUrl, room);
    const broken = `${room.visitor}x`;
    for (const token of [room.visitor, broken]) {
      await get(baseUrl, `/api/chat/config/?token=${token}`, token);
      await get(baseUrl, `/nowhere?token=${token}`, token);
      await send({ method: 'GET', url: `${baseUrl}/api/chat/config/`, headers: { cookie: `chatdrop=${token}` } });
      await send({
        method: 'POST',
        url: `${baseUrl}/api/chat/tus/`,
        headers: { ...bearer(token), 'tus-resumable': '0.1' },
      });
      const refused = recordSocket({ baseUrl: `${baseUrl}/?token=${token}`, auth: { token: `${token}y` } });
      await refused.waitForEvent('connect_error');
      refused.close();
    }
    const link = new URL(file.url);
    expect((await send({ method: 'GET', url: file.url })).status).toBe(200);
    link.searchParams.set('expires', '1');
    expect((await send({ method: 'GET', url: link.href })).status).toBe(403);
    socket.close();
    const log = await eventually('the log tells of the last request', () => {
      const text = server.logs();
      return text.includes('"status":403') ? text : undefined;
    });
    const [, claims = '', signature = ''] = room.visitor.split('.');
    const signed = new URL(file.url).searchParams.get('signature') ?? '';
    expect([claims, signature, signed].every((part) => part.length > 20)).toBe(true);
    for (const secret of [claims, signature, signed, TEST_SECRET, 'a-signing-secret'])
      expect(log).not.toContain(secret);
    expect(log).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
  });
});

/** As the kernel sees it: asking the server by HEAD would end the body. */
async function sizeOnDisk(dataDir: string, uploadUrl: string): Promise<number> {
  return (await stat(join(dataDir, 'media/.incoming', uploadUrl.split('/').at(-1) ?? ''))).size;
}

/** A process of its own, with these settings only. */
function run(args: string[], env: Record<string, string> = {}): Promise<CommandEnd> {
  return runCommand(args, { DATA_DIR: join(folder, 'data'), PORT: '0', ...env });
}

/** The same without a process of its own: for what ends before anything is opened. */
function runHere(args: string[], env: Record<string, string>): Promise<CommandEnd> {
  return runCommandHere(args, { DATA_DIR: join(folder, 'data'), ...env });
}
