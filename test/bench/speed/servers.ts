/** The servers that are measured against each other, each a process of its own with an empty folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { buildServer } from '../../../server/build/build-server.ts';
import { startChatdrop } from '../../services/chatdrop-process.ts';
import { agentToken, visitorToken } from '../../services/tokens.ts';
import { newBenchFolder } from './bench-folder.ts';
import { startNginx } from './nginx-peer.ts';
import { type Watched, watched } from './watched.ts';

export type Measured = {
  name: string;
  port: number;
  pid: number;
  /** All that it stores lies below. */
  folder: string;
  /** How files are brought to it, see `upload-clients.ts`. */
  protocol: 'tus' | 'put' | 'form';
  /** Where uploads are created, and the headers that they need here. */
  path: string;
  headers(nth: number): string;
  /** An agent's token, where finished files are told of. */
  agentToken: string | null;
  /** What it tells of its own event loop; null where there is none. */
  watched: Watched | null;
  stop(): Promise<void>;
};

/** The reference first: all ratios are against it. */
export const SERVER_NAMES = ['plain', 'chatdrop without fsync', 'chatdrop', 'nginx', 'multer'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export const COMPANY = 'bench';
/** As many chats as a busy hour has. */
const SESSIONS = 200;
const DIST = path.join(import.meta.dirname, '../../../dist');
/** By the name of the server, as it is built to be shipped. */
const OURS = { chatdrop: 'chatdrop-server', 'chatdrop without fsync': 'unsynced-server' } as const;
/** Bounds that no work is to meet. */
const SETTINGS = {
  CHAT_MAX_FILE_SIZE: '2GB',
  CHAT_MAX_PENDING_SIZE: '100GB',
  CHAT_MAX_FILES: '1000000',
  CHAT_UPLOAD_RATE_LIMIT: '1000000',
};

/** Before the first `chatdrop`. */
export async function buildServers(): Promise<void> {
  const entries = Object.values(OURS);
  await Promise.all(entries.map((entry) => buildServer(folderOf(entry), `test/bench/speed/${entry}.ts`)));
}

export async function startServer(name: ServerName): Promise<Measured> {
  const peer = { name, agentToken: null, headers: () => '' };
  if (name === 'plain') return { ...peer, protocol: 'tus', path: '/files', ...(await startScript(name)) };
  if (name === 'multer') return { ...peer, protocol: 'form', path: '/', ...(await startScript(name)) };
  if (name === 'nginx') return { ...peer, protocol: 'put', path: '/', watched: null, ...(await startNginx()) };
  return startOurs(name);
}

/** A script beside this one, `{name}-server.ts`, that takes a folder and prints its port. */
export async function startScript(name: string, settings: Record<string, string> = {}) {
  const { folder, watchFile } = await newFolder(name);
  const child = spawn(process.execPath, [path.join(import.meta.dirname, `${name}-server.ts`), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...settings, BENCH_WATCH: watchFile },
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit').finally(() => process.off('exit', kill));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const line = await Promise.race([once(child.stdout, 'data').then(String), ended.then(() => null)]);
  if (line === null) throw new Error(`${name} did not start`);
  const pid = child.pid ?? 0;
  return { port: Number(line), pid, folder, watched: watched(pid, watchFile), stop };
}

/** @param settings beside those that all have */
export async function startOurs(name: keyof typeof OURS, settings: Record<string, string> = {}): Promise<Measured> {
  const { folder, watchFile } = await newFolder(name.replaceAll(' ', '-'));
  const entry = path.join(folderOf(OURS[name]), 'chatdrop.js');
  const env = { ...SETTINGS, ...settings, BENCH_WATCH: watchFile };
  const server = await startChatdrop({ entry, dataDir: folder, env });
  const tokens = Array.from({ length: SESSIONS }, (_, at) => visitorToken(COMPANY, `s${at}`));
  return {
    name,
    port: server.port,
    pid: server.pid,
    folder,
    protocol: 'tus',
    path: '/api/chat/tus/',
    headers: (nth) => `Authorization: Bearer ${tokens[nth % SESSIONS]}\r\n`,
    agentToken: agentToken(COMPANY),
    watched: watched(server.pid, watchFile),
    stop: async () => void (await server.stop()),
  };
}

function folderOf(entry: string): string {
  return path.join(DIST, `bench-${entry}`);
}

async function newFolder(name: string) {
  const around = await newBenchFolder(name);
  const folder = path.join(around, 'data');
  await mkdir(folder);
  return { folder, watchFile: path.join(around, 'watch') };
}
