/** Bundles the server into `dist/server/` and prints what it weighs: `node server/build/build.ts`. */
import { join } from 'node:path';
import { bundleServer } from './bundle-server.ts';

const outdir = join(import.meta.dirname, '../../dist/server');
const { outputs } = await bundleServer({ chatdrop: 'server/chatdrop.js' }, outdir);
const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(
  `${'server'.padEnd(20)} ${(bytes / 1024).toFixed(1).padStart(7)} kB in ${Object.keys(outputs).length} files`,
);
