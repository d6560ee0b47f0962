/** Opens what a command works with, and closes it again however the command ends. */
import { composeTools, type Tools } from '../compose/tools.ts';
import type { Config } from '../config.ts';
import { createLog } from './create-log.ts';

export async function withTools<T>(config: Config, how: { alone: boolean }, work: (tools: Tools) => Promise<T>) {
  // What goes wrong is thrown or printed; a log in between would be in the way of the output.
  const log = createLog({ logLevel: 'silent' });
  const tools = await composeTools(config, log, how);
  try {
    return await work(tools);
  } finally {
    await tools.close();
  }
}
