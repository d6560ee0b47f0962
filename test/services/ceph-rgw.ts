/** A throwaway S3: one monitor, one store in memory and one gateway of Ceph, on loopback ports, gone with the tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { send } from './wire.ts';

/** Where an S3 is, and who may do everything there. */
export type S3Access = { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };
export type CephRgw = S3Access & {
  /** Kills the gateway; what is stored stays. */
  stopGateway(): Promise<void>;
  startGateway(): Promise<void>;
  /** That the gateway has taken since it started. */
  requests(): Promise<number>;
  close(): Promise<void>;
};

const START_TIMEOUT_MS = 90_000;
/** Now and then its store hangs while it starts, and no gateway comes. */
const MAX_STARTS = 3;
const LOG_CHARACTERS_SHOWN = 3000;
/** As memory it takes only what is stored. The bench brings 6 GiB of films; a store that is full answers no more. */
const STORE_BYTES = 8 * 1024 ** 3;
const run = promisify(execFile);

const MON = program('ceph-mon', 'ceph-mon');
const OSD = program('ceph-osd', 'ceph-osd');
const RGW = program('radosgw', 'radosgw');
const ADMIN = program('radosgw-admin', 'radosgw');
const CEPH = program('ceph', 'ceph-common');
const MONMAP = program('monmaptool', 'ceph-base');

/** It needs no more rights than to write into the folder for temporary files. */
export async function startCephRgw(): Promise<CephRgw> {
  await installDebianPrograms([MON, OSD, RGW, ADMIN, CEPH, MONMAP]);
  for (let starts = 1; ; starts += 1) {
    try {
      return await startOnce();
    } catch (error) {
      if (starts === MAX_STARTS) throw error;
    }
  }
}

async function startOnce(): Promise<CephRgw> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-ceph-'));
  const children: ChildProcess[] = [];
  const killWithTests = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.on('exit', killWithTests);
  const close = async () => {
    // The newest first: the gateway would ask a store that is gone, and wait.
    for (const child of children.reverse()) await end(child);
    process.off('exit', killWithTests);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await startCluster(folder, children)), close };
  } catch (error) {
    const log = await lastWords(folder);
    await close();
    throw new Error(`Ceph did not start.\n${log}`, { cause: error });
  }
}

async function startCluster(folder: string, children: ChildProcess[]): Promise<Omit<CephRgw, 'close'>> {
  const [monPort, rgwPort] = [await freePort(), await freePort()];
  const cluster = randomUUID();
  const config = path.join(folder, 'ceph.conf');
  for (const name of ['mon', 'osd', 'rgw', 'log', 'run']) await mkdir(path.join(folder, name));
  await writeFile(config, configOf({ folder, cluster, monPort, rgwPort }));
  const env = { ...process.env, CEPH_CONF: config };
  const command = (wanted: DebianProgram, args: string[]) => run(debianProgram(wanted), args, { env, cwd: folder });
  // Root may stay root here: the user `ceph` could not reach the folder.
  const asUser = process.getuid?.() === 0 ? ['--setuser', 'root', '--setgroup', 'root'] : [];
  const daemon = (wanted: DebianProgram, args: string[]) => {
    // However the tests end, it ends with them.
    const words = ['--pdeathsig', 'KILL', debianProgram(wanted), '-f', ...args, ...asUser];
    const child = spawn('setpriv', words, { env, cwd: folder, stdio: 'ignore' });
    children.push(child);
    return child;
  };

  const map = path.join(folder, 'monmap');
  await command(MONMAP, ['--create', '--addv', 'a', `[v1:127.0.0.1:${monPort}]`, '--fsid', cluster, map]);
  await command(MON, ['-i', 'a', '--mkfs', '--monmap', map, ...asUser]);
  daemon(MON, ['-i', 'a']);
  const store = randomUUID();
  await command(CEPH, ['--connect-timeout', '30', 'osd', 'new', store, '0']);
  await command(OSD, ['-i', '0', '--mkfs', '--osd-uuid', store, ...asUser]);
  await command(CEPH, ['osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=localhost']);
  daemon(OSD, ['-i', '0']);
  let gateway = daemon(RGW, ['-n', 'client.rgw']);
  const keys = { accessKeyId: 'testkey', secretAccessKey: 'testsecret' };
  const endpoint = `http://127.0.0.1:${rgwPort}`;
  const untilItAnswers = async () => {
    await eventually(
      'the gateway of Ceph answers',
      async () => {
        if (gateway.exitCode !== null) return 'ended';
        return (await send({ method: 'GET', url: `${endpoint}/`, timeoutMs: 2000 })).status === 200;
      },
      START_TIMEOUT_MS,
    );
    if (gateway.exitCode !== null) throw new Error(`The gateway of Ceph ended with ${gateway.exitCode}.`);
  };
  await untilItAnswers();
  const user = ['--uid=test', '--display-name=test', `--access-key=${keys.accessKeyId}`];
  await command(ADMIN, ['user', 'create', ...user, `--secret-key=${keys.secretAccessKey}`]);
  return {
    endpoint,
    region: 'us-east-1',
    ...keys,
    stopGateway: () => end(gateway),
    async startGateway() {
      gateway = daemon(RGW, ['-n', 'client.rgw']);
      await untilItAnswers();
    },
    async requests() {
      const dump = await askDaemon(path.join(folder, 'run', 'client.rgw.asok'), 'perf dump');
      return Number((JSON.parse(dump) as { rgw: { req: number } }).rgw.req);
    },
  };
}

/** Below it each bucket has a host name of its own. The gateway takes every other name for a bucket's. */
export const S3_HOST = 'localhost';

type Layout = { folder: string; cluster: string; monPort: number; rgwPort: number };

function configOf({ folder, cluster, monPort, rgwPort }: Layout): string {
  return `[global]
fsid = ${cluster}
# The second protocol refuses a client without a key file.
mon host = [v1:127.0.0.1:${monPort}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
# The monitor gathers changes for a second before it tells of them, and a start waits for ten of these turns.
paxos propose interval = 0.02
paxos min wait = 0.01
run dir = ${folder}/run
log file = ${folder}/log/$name.log
admin socket = ${folder}/run/$name.asok
[mon.a]
mon data = ${folder}/mon
mon initial members = a
mon cluster log file = ${folder}/log/cluster.log
[osd.0]
osd objectstore = memstore
memstore device bytes = ${STORE_BYTES}
osd data = ${folder}/osd
osd class load list = *
# Both are commands to the monitor, which refuses them when they come before the store has learned the cluster's id.
osd crush update on start = false
osd class update on start = false
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${rgwPort}
rgw data = ${folder}/rgw
rgw dns name = ${S3_HOST}
rgw thread pool size = 64
rgw override bucket index max shards = 1
rgw dynamic resharding = false
# What is deleted leaves the memory soon, not after two hours.
rgw gc obj min wait = 20
rgw gc processor period = 20
`;
}

function program(command: string, debianPackage: string): DebianProgram {
  const setting = `TEST_${command.toUpperCase().replace('-', '_')}`;
  return { title: 'Ceph', setting, commands: [command], debianPackages: [debianPackage] };
}

/** By its admin socket: a command that ends with a zero byte, an answer with its length before it. */
async function askDaemon(socketPath: string, prefix: string): Promise<string> {
  const socket = connect(socketPath);
  socket.write(`${JSON.stringify({ prefix })}\0`);
  return (await buffer(socket)).subarray(4).toString();
}

/** Of each log, the end. */
async function lastWords(folder: string): Promise<string> {
  const logs = path.join(folder, 'log');
  const names = await readdir(logs).catch(() => []);
  const texts = names.map(async (name) => {
    const text = await readFile(path.join(logs, name), 'utf8');
    return `--- ${name} ---\n${text.slice(-LOG_CHARACTERS_SHOWN)}`;
  });
  return (await Promise.all(texts)).join('\n');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
