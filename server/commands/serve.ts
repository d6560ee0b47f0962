/** `chatdrop serve`: migrates the database, then serves until it is told to stop. */
import path from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { readAssets } from '../assets.ts';
import { compose } from '../compose.ts';
import type { Config } from '../config.ts';
import { createRequestContext } from '../http/request-context.ts';
import { type Command, type Context, readArguments } from './command.ts';
import { createLog } from './create-log.ts';
import { catchTheRest } from './last-resort.ts';

export const serve: Command = {
  summary: 'migrate the database, then serve (the default)',
  help: `chatdrop [serve]

  Brings the database up to date, finishes what an earlier process left undone, and listens on
  HOST:PORT. SIGTERM and SIGINT drain: exit code 0 within ten seconds; a second one ends it at once.
`,
  async run(args, context) {
    readArguments(args, {});
    const config = context.config();
    const requests = createRequestContext(config);
    const log = createLog(config, requests.fields);
    const assets = readAssets(path.join(import.meta.dirname, '../../dist/widget'));
    const server = await compose(config, log, assets, {}, requests);
    catchTheRest(log, server.stop);
    const url = await server.start();
    const stopped = context.signalled();
    greet(config, url, context);
    log.info(
      { url, development: config.development, dataDir: config.dataDir, version: packageJson.version },
      'listening',
    );
    const signal = await stopped;
    log.info({ signal }, 'draining: uploads keep what they have, files that are complete are recorded');
    await server.stop();
    log.info('stopped');
    return 0;
  },
};

function greet(config: Config, url: string, { note }: Context): void {
  for (const text of config.notes) note(`${text}\n`);
  if (!config.development) return;
  note(`
  Chatdrop is ready. Open the demo:  ${url}/demo/

  Development mode: no key is set, so a random one is used and only this machine can connect.
  Files and database: ${config.dataDir}
  Stop with Ctrl-C.

`);
}
