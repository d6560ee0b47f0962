/**
 * Chatdrop without its waits for the disk, to be measured beside servers that have none. The switch is here and nowhere in
 * the product: every sync of a file does nothing, and SQLite is told not to.
 */
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import Sqlite from 'better-sqlite3';
import { watchSelf } from './watch-self.ts';

watchSelf();
const handle = await open(process.execPath, 'r');
const nothing = async () => {};
Object.assign(Object.getPrototypeOf(handle), { sync: nothing, datasync: nothing });
await handle.close();

const atOnce = (_fd: number, done: (error: null) => void) => setImmediate(done, null);
Object.assign(fs, { fsync: atOnce, fdatasync: atOnce });
syncBuiltinESMExports();

const { pragma } = Sqlite.prototype;
Sqlite.prototype.pragma = function (this: Sqlite.Database, text: string, options?: Sqlite.PragmaOptions) {
  if (text === 'synchronous = FULL') return pragma.call(this, 'synchronous = OFF');
  return text === 'synchronous' ? 2 : pragma.call(this, text, options);
};

const { main } = await import('../../../server/main.ts');
process.exitCode = await main(['serve'], process.env);
