/** A process of its own: runs the script as a server, waits for `/healthz`, and writes what V8 has of it. */
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadScript } from '../prepared/load-script.ts';
import type { Preparation } from './prepare-script.ts';

const LOOK_EVERY_MS = 5;

const { script, into, assets } = JSON.parse(process.argv[2] ?? '') as Preparation;
const port = await freePort();
process.env.PORT = String(port);
process.argv.splice(1, process.argv.length, script, 'serve');
const requireHere = createRequire(script);
const loaded = loadScript(readFileSync(script, 'latin1'), script, undefined);
loaded.run((name) => (name === 'node:sea' && assets !== null ? carrying(assets) : requireHere(name)));
while (!(await answers())) await sleep(LOOK_EVERY_MS);
writeFileSync(`${into}.new`, loaded.prepare());
renameSync(`${into}.new`, into);
process.kill(process.pid, 'SIGTERM');

/** Node's own module, as it is in the executable that will be made. */
function carrying(files: Readonly<Record<string, string>>) {
  return {
    isSea: () => true,
    getRawAsset: (name: string) => new Uint8Array(readFileSync(files[name] ?? '')).buffer,
  };
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return free;
}
