/** Works m and n by themselves: `node test/bench/waiting-people.ts [m] [n] [--rounds 5]`. */
import { parseArgs } from 'node:util';
import { median, printTable } from './print-table.ts';
import { pageWork } from './speed/page-work.ts';
import { startWork } from './speed/start-work.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' } },
});
const works = [startWork, pageWork].filter(({ id }) => positionals.length === 0 || positionals.includes(id));
const progress = (text: string) => void process.stderr.write(`${text}\n`);
for (const work of works) {
  const figures = await work.run({ rounds: Number(values.rounds), quick: false, progress, version: () => {} });
  const rows = figures.map(({ what, of, unit, samples }) => ({
    what: of === undefined ? what : `${what} (${of})`,
    unit,
    median: median([...samples]).toFixed(2),
    least: Math.min(...samples).toFixed(2),
    most: Math.max(...samples).toFixed(2),
  }));
  printTable(`${work.id}: ${work.title}`, rows);
}
