/** A Prometheus of the tests' own: Debian's, with the project's configuration and rules, only in more of a hurry. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { jsonOf, send } from './wire.ts';

const debianPackages = ['prometheus'];
const PROMETHEUS: DebianProgram = {
  title: 'Prometheus',
  setting: 'TEST_PROMETHEUS',
  commands: ['prometheus'],
  debianPackages,
};
const PROMTOOL: DebianProgram = { title: 'promtool', setting: 'TEST_PROMTOOL', commands: ['promtool'], debianPackages };
const FOLDER = path.join(import.meta.dirname, '../../deploy/prometheus');
const run = promisify(execFile);

export type PromSample = { metric: Record<string, string>; value: [number, string] };
export type TestPrometheus = {
  /** Rejects with Prometheus' words where the query is none. */
  query(expression: string): Promise<PromSample[]>;
  /** Names of the alerts that fire now. */
  firing(): Promise<string[]>;
  stop(): Promise<void>;
};

/** `target`: host and port of a Chatdrop; `token`: its METRICS_TOKEN. */
export async function startPrometheus(target: string, token: string): Promise<TestPrometheus> {
  await installDebianPrograms([PROMETHEUS]);
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-prometheus-'));
  const port = await freePort();
  const config = await readFile(path.join(FOLDER, 'prometheus.yml'), 'utf8');
  const rules = await readFile(path.join(FOLDER, 'chatdrop.rules.yml'), 'utf8');
  const hurried = config.replaceAll(/_interval: \w+/g, '_interval: 1s').replace('127.0.0.1:8001', target);
  await writeFile(path.join(folder, 'prometheus.yml'), hurried);
  await writeFile(path.join(folder, 'chatdrop.rules.yml'), rules.replaceAll(/for: \w+/g, 'for: 0s'));
  await writeFile(path.join(folder, 'chatdrop-token'), token);
  const words = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, '--log.level=error'];
  const child = spawn(debianProgram(PROMETHEUS), [...words, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: 'ignore',
    env: { ...process.env, GOMAXPROCS: '1' },
  });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const ask = (of: string) => send({ method: 'GET', url: `http://127.0.0.1:${port}${of}` });
  await eventually('Prometheus is ready', async () => (await ask('/-/ready')).status === 200);
  const get = async (of: string) => {
    const answer = jsonOf<{ status: string; error?: string; data: unknown }>(await ask(of));
    if (answer.status !== 'success') throw new Error(`${of}: ${answer.error}`);
    return answer.data;
  };
  return {
    async query(expression) {
      const { result } = (await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
        result: PromSample[];
      };
      return result;
    },
    async firing() {
      const { alerts } = (await get('/api/v1/alerts')) as {
        alerts: { state: string; labels: { alertname: string } }[];
      };
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    },
    async stop() {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What promtool says. Rejects with it where that is a fault. */
export async function promtool(words: string[], input = ''): Promise<string> {
  await installDebianPrograms([PROMTOOL]);
  const running = run(debianProgram(PROMTOOL), words, { cwd: FOLDER });
  running.child.stdin?.end(input);
  const { stdout, stderr } = await running;
  return stdout + stderr;
}
