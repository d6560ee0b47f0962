/** Chatdrop without its waits for the disk, to be measured beside servers that have none. No setting does that. */
import path from 'node:path';
import { readAssets } from '../../../server/assets.ts';
import { createLog } from '../../../server/commands/create-log.ts';
import { compose } from '../../../server/compose.ts';
import { readConfig } from '../../../server/config.ts';
import { createRequestContext } from '../../../server/http/request-context.ts';
import { watchSelf } from './watch-self.ts';

const atOnce = async () => {};
const WITHOUT_WAITS = { syncs: { file: atOnce, opened: atOnce, folder: atOnce }, commitsWait: false };

watchSelf();
void serve();

async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const requests = createRequestContext(config);
  const log = createLog(config, requests.fields);
  // From where it is built to.
  const assets = readAssets(path.join(import.meta.dirname, '../../dist/widget'));
  const server = await compose(config, log, assets, { disk: WITHOUT_WAITS }, requests);
  process.once('SIGTERM', () => void server.stop().finally(() => process.exit()));
  await server.start();
}
