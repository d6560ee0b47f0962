/** nginx that takes files by PUT into a folder: two workers, no log, one file system for what comes and what is there. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { type DebianProgram, debianProgram, installDebianPrograms } from '../../services/debian-programs.ts';
import { eventually } from '../../services/eventually.ts';
import { freePort } from '../../services/free-port.ts';
import { newBenchFolder } from './bench-folder.ts';

const NGINX: DebianProgram = {
  title: 'nginx',
  setting: 'TEST_NGINX',
  commands: ['nginx'],
  folders: ['/usr/sbin'],
  debianPackages: ['nginx-light'],
};
const START_MS = 30_000;

export type NginxPeer = { port: number; pid: number; folder: string; stop(): Promise<void> };

/** Installs it, if it has to and may. */
export async function startNginx(): Promise<NginxPeer> {
  await installDebianPrograms([NGINX]);
  const program = debianProgram(NGINX);
  const folder = await newBenchFolder('nginx');
  const port = await freePort();
  await mkdir(path.join(folder, 'files'));
  await writeFile(path.join(folder, 'nginx.conf'), settings(folder, port));
  const child = spawn(program, ['-c', path.join(folder, 'nginx.conf'), '-p', folder, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const endAtOnce = () => child.kill('SIGTERM');
  process.once('exit', endAtOnce);
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    process.off('exit', endAtOnce);
    if (isOver()) return;
    // At once, with its workers; a SIGKILL would leave those.
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  try {
    await eventually('nginx listens', async () => isOver() || (await isOpen(port)), START_MS);
    if (isOver()) throw new Error('nginx did not start');
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, pid: child.pid ?? 0, folder, stop };
}

/** Once it is there. */
export function nginxVersion(): string {
  const { stderr } = spawnSync(debianProgram(NGINX), ['-v'], { encoding: 'utf8' });
  return stderr.trim().replace(/^.*\//, '');
}

function settings(folder: string, port: number): string {
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 2;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/incoming;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/files;
    dav_methods PUT;
  }
}
`;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
