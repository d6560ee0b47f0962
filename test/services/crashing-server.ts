/** The server with one crash built in: `CRASH_AT` names the point at which the process kills itself, once for each data folder. */
import { existsSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pino } from 'pino';
import type { Overrides } from '../../server/compose/parts.ts';
import { compose } from '../../server/compose.ts';
import { readConfig } from '../../server/config.ts';
import type { CrashPoint } from './crash-points.ts';

const config = readConfig(process.env);
const crashed = path.join(config.dataDir, 'crashed');

void serve(process.env.CRASH_AT as CrashPoint | undefined);

async function serve(point: CrashPoint | undefined): Promise<void> {
  const overrides = point === undefined ? {} : await overridesFor(point);
  const server = await compose(config, pino({ level: config.logLevel }), new Map(), overrides);
  process.once('SIGTERM', () => void server.stop());
  await server.start();
}

/** A real kill, as by the kernel: nothing is flushed, no handler runs. The next start goes on without one. */
function crash(): void {
  if (existsSync(crashed)) return;
  writeFileSync(crashed, '');
  process.kill(process.pid, 'SIGKILL');
}

async function overridesFor(point: CrashPoint): Promise<Overrides> {
  const crashAfter =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const result = await work(...args);
      crash();
      return result;
    };
  /** Of what is put at a key of that kind. */
  const crashAtPut = (when: 'before' | 'after', kind: RegExp): Overrides => ({
    storage: (real) => ({
      ...real,
      async put(...args) {
        const isMeant = kind.test(args[1]);
        if (isMeant && when === 'before') crash();
        await real.put(...args);
        if (isMeant && when === 'after') crash();
      },
    }),
  });
  switch (point) {
    case 'before the metadata is gone':
      return crashAtPut('before', /\.jpg$/);
    case 'after the metadata is gone':
      return crashAtPut('after', /\.jpg$/);
    case 'before the thumbnail is written':
      return crashAtPut('before', /\.webp$/);
    case 'after the thumbnail is written':
      return crashAtPut('after', /\.webp$/);
    case 'after the last byte, before the fsync':
      await crashBeforeSync();
      return {};
    case 'after the fsync':
      return { storage: (real) => ({ ...real, append: crashAfter(real.append) }) };
    case 'in the middle of the join':
      return { storage: (real) => ({ ...real, join: (...args) => crashInJoin(args[0]) ?? real.join(...args) }) };
    case 'after the join':
      return { storage: (real) => ({ ...real, join: crashAfter(real.join) }) };
    case 'after the bytes are final':
      return { storage: (real) => ({ ...real, makeFinal: crashAfter(real.makeFinal) }) };
    case 'before the bytes are put':
    case 'with half of the bytes put':
    case 'after the bytes are put':
      return {
        storage: (real) => ({
          ...real,
          async putWhole(key, bytes, sizeBytes) {
            if (point === 'before the bytes are put') crash();
            const half = Buffer.concat(bytes).subarray(0, sizeBytes / 2);
            // The next start finds the half that the first left, under a key that nobody is given again.
            if (point === 'with half of the bytes put' && !existsSync(crashed)) {
              await real.putWhole(key, [half], half.length);
              crash();
            }
            await real.putWhole(key, bytes, sizeBytes);
            crash();
          },
        }),
      };
    case 'inside the transaction':
      return {
        files: (real) => ({
          ...real,
          steps: {
            ...real.steps,
            *insert(file) {
              const id = yield* real.steps.insert(file);
              crash();
              return id;
            },
          },
        }),
      };
    case 'in the second page of a deletion': {
      let pages = 0;
      return {
        files: (real) => ({
          ...real,
          async take(...args) {
            const taken = await real.take(...args);
            pages += 1;
            if (pages === 2) crash();
            return taken;
          },
        }),
      };
    }
    case 'after a removed object, before that is noted':
      return { storage: (real) => ({ ...real, remove: crashAfter(real.remove) }) };
    case 'after the commit, before the answer':
      return { feed: (real) => ({ ...real, wake: crash }) };
    case 'after the answer, before the event':
      return {
        feed: (real) => ({ ...real, wake: (company) => (existsSync(crashed) ? real.wake(company) : crashSoon()) }),
      };
  }
}

/** The answer is on its way by then; the event never was. */
function crashSoon(): void {
  setTimeout(crash, 200);
}

/** What a join that was killed leaves behind. */
function crashInJoin(id: string): undefined {
  if (!existsSync(crashed)) writeFileSync(path.join(config.mediaRoot, '.incoming', `${id}.joining`), 'the first bytes');
  crash();
}

async function crashBeforeSync(): Promise<void> {
  const handle = await open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as { datasync(): Promise<void> };
  await handle.close();
  const { datasync } = prototype;
  prototype.datasync = async function (this: unknown) {
    crash();
    await datasync.call(this);
  };
}
