/** Bundles what other projects import (`chatdrop`, `chatdrop/react`, `chatdrop/element`, `chatdrop/dashboard`, `chatdrop/client`) into `dist/package/`, with its types. */
import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build as buildPlain } from 'esbuild';
import { build } from 'rolldown';
import { INPUT_OPTIONS, MODULE_OPTIONS, TARGET } from './build-options.ts';

const project = join(import.meta.dirname, '..');
const outDirectory = join(project, 'dist/package');

await rm(outDirectory, { recursive: true, force: true });
await build({
  ...INPUT_OPTIONS,
  input: Object.fromEntries(
    ['index', 'element', 'dashboard', 'react'].map((name) => [name, join(import.meta.dirname, `package/${name}.ts`)]),
  ),
  external: ['react'],
  // Not minified: who bundles it does that, and who debugs it reads it.
  output: { ...MODULE_OPTIONS, dir: outDirectory },
});
await buildPlain({
  outfile: join(outDirectory, 'client.js'),
  entryPoints: [join(project, 'server/client/index.ts')],
  format: 'esm',
  bundle: true,
  target: TARGET,
  legalComments: 'none',
  charset: 'utf8',
  // Not for browsers: what it needs of others is a dependency, and Node's own is asked for when a path is given.
  external: ['jose', 'ws', 'node:*'],
});

execFileSync(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.package.json'], {
  cwd: project,
  stdio: 'inherit',
});
// The compiler leaves `.ts` in declarations; there, only the name of the script beside it is understood everywhere.
const types = join(outDirectory, 'types');
for (const name of await readdir(types, { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const text = await readFile(join(types, name), 'utf8');
  await writeFile(join(types, name), text.replace(/(from |import\()('\.[^']+)\.tsx?'/g, "$1$2.js'"));
}
