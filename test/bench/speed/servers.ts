/** The servers that are measured against each other, each a process of its own with an empty folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundleServer } from '../../../server/build/bundle-server.ts';
import { startChatdrop } from '../../services/chatdrop-process.ts';
import { agentToken, visitorToken } from '../../services/tokens.ts';

export type Measured = {
  name: string;
  port: number;
  pid: number;
  /** Where uploads are created, and the headers that they need here. */
  path: string;
  headers(nth: number): string;
  /** An agent's token, where finished files are told of. */
  agentToken: string | null;
  stop(): Promise<void>;
};

export type ServerName = 'plain' | 'chatdrop' | 'chatdrop without fsync';

export const COMPANY = 'bench';
/** As many chats as a busy hour has. */
const SESSIONS = 200;
const OURS = path.join(import.meta.dirname, '../../../dist/bench-server');

/** Before the first `chatdrop`. */
export async function buildServers(): Promise<void> {
  const entries = { chatdrop: 'server/chatdrop.js', unsynced: 'test/bench/speed/unsynced-server.ts' };
  await bundleServer(entries, OURS);
}

export async function startServer(name: ServerName): Promise<Measured> {
  return name === 'plain' ? startPlain() : startOurs(name);
}

async function startPlain(): Promise<Measured> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-plain-'));
  const script = path.join(import.meta.dirname, 'plain-server.ts');
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return {
    name: 'plain',
    port: Number(String(line)),
    pid: child.pid ?? 0,
    path: '/files',
    headers: () => '',
    agentToken: null,
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startOurs(name: ServerName): Promise<Measured> {
  const entry = path.join(OURS, name === 'chatdrop' ? 'chatdrop.js' : 'unsynced.js');
  const server = await startChatdrop({
    entry,
    env: {
      CHAT_MAX_FILE_SIZE: '2GB',
      CHAT_MAX_PENDING_SIZE: '100GB',
      CHAT_MAX_FILES: '1000000',
      CHAT_UPLOAD_RATE_LIMIT: '1000000',
    },
  });
  const tokens = Array.from({ length: SESSIONS }, (_, at) => visitorToken(COMPANY, `s${at}`));
  return {
    name,
    port: server.port,
    pid: server.pid,
    path: '/api/chat/tus/',
    headers: (nth) => `Authorization: Bearer ${tokens[nth % SESSIONS]}\r\n`,
    agentToken: agentToken(COMPANY),
    stop: () => server.stop().then(() => {}),
  };
}
