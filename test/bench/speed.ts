/**
 * Chatdrop beside the bare @tus/server: `npm run bench` (a table of all works), or `node test/bench/speed.ts [works …] [--rounds 7]`.
 */
import { parseArgs } from 'node:util';
import { median, printTable } from './print-table.ts';
import { compare, type Sample } from './speed/compare.ts';
import { buildServers, type Measured, type ServerName, startServer } from './speed/servers.ts';
import { WORKS } from './speed/works.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' }, servers: { type: 'string', default: 'chatdrop without fsync' } },
});

const names = positionals.length > 0 ? positionals : Object.keys(WORKS);
await buildServers();
const servers: Measured[] = [];
try {
  for (const name of ['plain', ...values.servers.split(',')]) servers.push(await startServer(name as ServerName));
  const rows: Record<string, string>[] = [];
  for (const name of names) {
    const work = WORKS[name];
    if (work === undefined) throw new Error(`there is no work ${name}`);
    const [plain = [], ...others] = await compare(work, servers, Number(values.rounds));
    rows.push(rowOf(name, work.unit, work.amount, 'plain', plain, plain));
    for (const [at, samples] of others.entries())
      rows.push(rowOf(name, work.unit, work.amount, servers[at + 1]?.name ?? '', samples, plain));
  }
  printTable('Ratios against plain: medians of pairs', rows);
} finally {
  for (const server of servers) await server.stop();
}

function rowOf(work: string, unit: string, amount: number, server: string, samples: Sample[], plain: Sample[]) {
  const ratios = (of: (sample: Sample) => number) => samples.map((sample, at) => of(sample) / of(plain[at] as Sample));
  const speed = ratios(({ seconds }) => 1 / seconds);
  const cpu = ratios((sample) => sample.cpu);
  return {
    work,
    server,
    'a second': `${(amount / median(samples.map(({ seconds }) => seconds))).toFixed(0)} ${unit}`,
    'CPU s': median(samples.map((sample) => sample.cpu)).toFixed(2),
    throughput: `${median(speed).toFixed(2)} (${Math.min(...speed).toFixed(2)}…${Math.max(...speed).toFixed(2)})`,
    CPU: `${median(cpu).toFixed(2)} (${Math.min(...cpu).toFixed(2)}…${Math.max(...cpu).toFixed(2)})`,
  };
}
