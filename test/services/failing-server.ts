/** The server whose store refuses to make bytes final, or to take those of a small file, the first `FAIL_FINISH` times. */
import { pino } from 'pino';
import { compose } from '../../server/compose.ts';
import { readConfig } from '../../server/config.ts';

let left = Number(process.env.FAIL_FINISH ?? 0);
const config = readConfig(process.env);
void serve();

async function serve(): Promise<void> {
  const server = await compose(config, pino({ level: 'silent' }), new Map(), {
    storage: (real) => ({
      ...real,
      async makeFinal(uploadId, key) {
        fail();
        await real.makeFinal(uploadId, key);
      },
      async putWhole(...args) {
        fail();
        await real.putWhole(...args);
      },
    }),
  });
  process.once('SIGTERM', () => void server.stop());
  await server.start();
}

function fail(): void {
  left -= 1;
  if (left >= 0) throw new Error('the store is away, for a test');
}
