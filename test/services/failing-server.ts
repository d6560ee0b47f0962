/** The server whose store refuses to make bytes final the first `FAIL_FINISH` times. */
import { pino } from 'pino';
import { compose } from '../../server/compose.ts';
import { readConfig } from '../../server/config.ts';

let left = Number(process.env.FAIL_FINISH ?? 0);
const config = readConfig(process.env);
const server = await compose(config, pino({ level: 'silent' }), new Map(), {
  storage: (real) => ({
    ...real,
    async makeFinal(uploadId, key) {
      left -= 1;
      if (left >= 0) throw new Error('the store is away, for a test');
      await real.makeFinal(uploadId, key);
    },
  }),
});
await server.start();
process.once('SIGTERM', () => void server.stop());
