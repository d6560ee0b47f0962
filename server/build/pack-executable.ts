/** Makes the single executable for the kind of machine that it is made on: this Node, with one script and all that goes with it inside. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { LICENCES, libraryPath, MANIFEST, type Manifest, PREPARED, pagePath, SCRIPT } from '../embedded/embedded.ts';
import { CHEAP_CONTEXTS } from '../right-node.js';
import { bundleExecutable } from './bundle-executable.ts';
import { carriedLibraries, packagesOfLibraries } from './carried-libraries.ts';
import { prepareScript } from './prepare-script.ts';
import { sourcesOfPages } from './sources-of-pages.ts';
import { packagesIn, thirdPartyLicenses } from './third-party-licenses.ts';

/** Node looks by these for what was put into it. */
const BLOB = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const MAC_SEGMENT = 'NODE_SEA';

/** As a process of its own: what it says of Node's sections is of no use to anybody, unless it fails. */
const POSTJECT = path.join(import.meta.dirname, '../../node_modules/postject/dist/cli.js');

const ENTRY = path.join(import.meta.dirname, '../chatdrop-executable.ts');

const run = promisify(execFile);

/**
 * @param outfile is replaced at once, as a whole; a server that runs from it keeps the old one
 * @param pages folder of the built widget
 * @throws when something is missing, or would be looked for outside of the executable
 */
export async function packExecutable(outfile: string, { pages }: { pages: string }): Promise<void> {
  await mkdir(path.dirname(outfile), { recursive: true });
  const folder = await mkdtemp(path.join(path.dirname(outfile), '.executable-'));
  try {
    const made = path.join(folder, path.basename(outfile));
    const blob = await makeBlob(folder, pages);
    await copyFile(process.execPath, made);
    await chmod(made, 0o755);
    await putInside(made, blob);
    await rename(made, outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * A signature holds for a program as it was. macOS starts none without, so it gets one that names nobody; on Windows
 * `SIGNTOOL` takes that of Node off. One that names you is put on what was built.
 */
async function putInside(program: string, blob: string): Promise<void> {
  const isMac = process.platform === 'darwin';
  const { SIGNTOOL } = process.env;
  if (isMac) await run('codesign', ['--remove-signature', program]);
  if (process.platform === 'win32' && SIGNTOOL) await run(SIGNTOOL, ['remove', '/s', program]);
  const segment = isMac ? ['--macho-segment-name', MAC_SEGMENT] : [];
  await run(process.execPath, [POSTJECT, program, BLOB, blob, '--sentinel-fuse', FUSE, ...segment]);
  if (isMac) await run('codesign', ['--sign', '-', program]);
}

/** The script, prepared for this Node, and everything that it reads from the executable. @returns the file */
async function makeBlob(folder: string, pages: string): Promise<string> {
  const { code, metafile } = await bundleExecutable();
  const libraries = await carriedLibraries();
  const pageNames = (await readdir(pages)).sort();
  const manifest: Manifest = { pages: pageNames, libraries: libraries.map(({ sources: _, ...library }) => library) };
  const packages = [
    ...packagesIn(Object.keys(metafile.inputs)),
    ...packagesOfLibraries(),
    ...packagesIn(await sourcesOfPages(pages)),
  ];
  const written = {
    [MANIFEST]: JSON.stringify(manifest),
    [LICENCES]: thirdPartyLicenses(packages, { node: true }),
    [SCRIPT]: code,
  };
  const assets: Record<string, string> = {};
  for (const name of pageNames) assets[pagePath(name)] = path.join(pages, name);
  for (const library of libraries)
    for (const [file, from] of library.sources) assets[libraryPath(library, file)] = from;
  for (const [name, text] of Object.entries(written)) {
    assets[name] = path.join(folder, name);
    await writeFile(assets[name], text);
  }
  assets[PREPARED] = path.join(folder, PREPARED);
  await prepareScript({ script: assets[SCRIPT] as string, into: assets[PREPARED], assets });
  const main = path.join(folder, 'chatdrop.cjs');
  await bundleEntry(main);
  const output = path.join(folder, 'blob');
  const config = path.join(folder, 'sea-config.json');
  const options = { disableExperimentalSEAWarning: true, execArgv: [CHEAP_CONTEXTS] };
  await writeFile(config, JSON.stringify({ ...options, main, output, assets }));
  await run(process.execPath, ['--experimental-sea-config', config]);
  return output;
}

/** The few lines that run the script. */
async function bundleEntry(outfile: string): Promise<void> {
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22.18',
    logLevel: 'warning',
  });
}
