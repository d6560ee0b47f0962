/** The proxies that `deploy/` has files for, run with these very files; only addresses and names are the test's own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { send } from './wire.ts';

export type WebProxy = { baseUrl: string; close(): Promise<void> };
export type ProxyName = keyof typeof PROXIES;

type Proxy = {
  program: DebianProgram;
  file: string;
  /** Turns the file into one for this port and these nodes, and the store's port where it knows of a store. */
  adapt(text: string, port: number, nodes: readonly number[], store: number): string;
  args(file: string, folder: string): string[];
};

/** Says, of nginx only, which node answered. */
export const NODE_HEADER = 'X-Node';
/** By which Caddy is asked as by somebody who speaks http. */
export const CLEAR_HOST = 'clear.test';
const STOP_TIMEOUT_MS = 5000;

const NGINX = {
  title: 'nginx',
  setting: 'TEST_NGINX',
  commands: ['nginx'],
  folders: ['/usr/sbin'],
  debianPackages: ['nginx-light'],
};

const PROXIES = {
  nginx: {
    program: NGINX,
    file: 'nginx.conf',
    adapt: (text, port, nodes) => nginxOf(text, port, '    server 127.0.0.1:8001;\n', nodes),
    args: nginxArgs,
  },
  'nginx of Compose': {
    program: NGINX,
    file: 'compose/nginx.conf',
    adapt: (text, port, nodes, store) =>
      nginxOf(
        replaced(text, 'http://minio:9000', `http://127.0.0.1:${store}`),
        port,
        '    server node1:8001;\n    server node2:8001;\n',
        nodes,
      ),
    args: nginxArgs,
  },
  caddy: {
    program: { title: 'Caddy', setting: 'TEST_CADDY', commands: ['caddy'], debianPackages: ['caddy'] },
    file: 'Caddyfile',
    adapt: (text, port, nodes) => {
      const addresses = nodes.map((node) => `127.0.0.1:${node}`).join(' ');
      // Both sites on one port: what comes in the clear is told apart by its Host.
      const clear = replaced(text, 'http://files.example.com {', `http://${CLEAR_HOST}:${port} {`);
      const site = replaced(clear, '\nfiles.example.com {', `\nhttp://127.0.0.1:${port} {`);
      return `{\n\tadmin off\n}\n${replaced(site, '127.0.0.1:8001', addresses)}`;
    },
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
  haproxy: {
    program: {
      title: 'HAProxy',
      setting: 'TEST_HAPROXY',
      commands: ['haproxy'],
      folders: ['/usr/sbin'],
      debianPackages: ['haproxy'],
    },
    file: 'haproxy.cfg',
    adapt: (text, port, nodes) => {
      const servers = nodes
        .map((node, index) => `    server node${index + 1} 127.0.0.1:${node} check inter 200\n`)
        .join('');
      const site = replaced(text, 'bind :80\n', `bind 127.0.0.1:${port}\n`);
      return replaced(site, '    server node1 127.0.0.1:8001 check inter 2s\n', servers);
    },
    args: (file) => ['-db', '-f', file],
  },
} as const satisfies Record<string, Proxy>;

/** The files for a proxy before Chatdrop alone. */
export const PROXY_NAMES = ['nginx', 'caddy', 'haproxy'] as const satisfies ProxyName[];

/** A proxy before these ports of 127.0.0.1. */
export async function startWebProxy(name: ProxyName, nodes: readonly number[], store = 0): Promise<WebProxy> {
  const proxy: Proxy = PROXIES[name];
  await installDebianPrograms([proxy.program]);
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-proxy-'));
  const port = await freePort();
  const given = await readFile(new URL(`../../deploy/${proxy.file}`, import.meta.url), 'utf8');
  const file = path.join(folder, path.basename(proxy.file));
  await writeFile(file, proxy.adapt(given, port, nodes, store));
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(debianProgram(proxy.program), proxy.args(file, folder), {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      output = (output + text).slice(-5000);
    });
  const killWithTests = () => child.kill('SIGKILL');
  process.on('exit', killWithTests);
  const baseUrl = `http://127.0.0.1:${port}`;
  const close = async () => {
    await end(child);
    process.off('exit', killWithTests);
    await rm(folder, { recursive: true, force: true });
  };
  await eventually(`${name} answers`, async () => {
    if (child.exitCode !== null) return 'ended';
    return (await send({ method: 'GET', url: `${baseUrl}/healthz`, timeoutMs: 1000 })).status === 200;
  }).catch(async (error) => {
    await close();
    throw error;
  });
  if (child.exitCode === null) return { baseUrl, close };
  await close();
  throw new Error(`${name} did not start:\n${output}`);
}

function nginxOf(text: string, port: number, servers: string, nodes: readonly number[]): string {
  const site = replaced(text, 'listen 80;', `listen 127.0.0.1:${port};`);
  const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${name};`)
    .join(' ');
  const these = nodes.map((node) => `    server 127.0.0.1:${node} fail_timeout=1s;\n`).join('');
  return `daemon off; error_log stderr warn; pid nginx.pid; worker_processes 1;
    events { worker_connections 4096; }
    http { access_log off; add_header ${NODE_HEADER} $upstream_addr always; ${own}\n${replaced(site, servers, these)} }`;
}

function nginxArgs(file: string, folder: string): string[] {
  return ['-p', folder, '-c', file];
}

/** A file that has changed must not be tested as it was. */
function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`There is no “${from}” in the file any more.`);
  return text.replaceAll(from, to);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await exited;
  clearTimeout(timer);
}
