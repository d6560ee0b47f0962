/** What nobody caught, in a process of its own: it is in the log, and the process goes on or ends in order. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const moduleOf = (path: string) => JSON.stringify(new URL(`../../server/commands/${path}`, import.meta.url).href);

// biome-ignore lint/suspicious/noExplicitAny: lines are looked into freely
type Line = Record<string, any>;

/** Runs the text behind `catchTheRest`; its drain says so, and takes a moment. */
async function run(text: string): Promise<{ code: number | null; said: string; lines: Line[] }> {
  const script = `
    import { createLog } from ${moduleOf('create-log.ts')};
    import { catchTheRest } from ${moduleOf('last-resort.ts')};
    const log = createLog({ logLevel: 'info' });
    const drain = async () => { await new Promise((done) => setTimeout(done, 50)); console.error('drained'); };
    catchTheRest(log, drain);
    ${text}`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      output[name] += piece;
    });
  const [code] = await once(child, 'close');
  const lines = output.stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { code, said: output.stderr.trim(), lines };
}

test('a promise that nobody waited for: one line, and the process goes on', async () => {
  const { code, said, lines } = await run(
    `void Promise.reject(new TypeError('nobody waits')); setTimeout(() => log.info('still here'), 100);`,
  );
  expect([code, said]).toEqual([0, '']);
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [50, 'something failed that nobody waited for'],
    [30, 'still here'],
  ]);
  expect(lines[0]?.err).toMatchObject({ type: 'TypeError', message: 'nobody waits', stack: expect.any(String) });
});

test('an error out of nowhere, and another while it drains: both are in the log, it drains once and ends with 1', async () => {
  const { code, said, lines } = await run(
    `setTimeout(() => { setTimeout(() => { throw new Error('second'); }, 10); throw new Error('first'); }); setTimeout(() => {}, 60_000);`,
  );
  expect([code, said]).toEqual([1, 'drained']);
  expect(lines.map(({ level, err }) => [level, err.message])).toEqual([
    [60, 'first'],
    [60, 'second'],
  ]);
});

test('of an error the log takes what names it, and nothing that came along: rows, requests, headers', async () => {
  const { lines } = await run(
    `const error = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (name)=(secret.pdf)', headers: { a: 'secret' },
       query: 'secret', config: { token: 'secret' }, where: 'secret' });
     log.error({ err: error, token: 'secret', caller: { token: 'secret', authorization: 'secret' }, headers: 'secret' }, 'a fault');`,
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]?.err).toMatchObject({ message: 'duplicate key', code: '23505' });
  expect(JSON.stringify(lines)).not.toContain('secret');
});
