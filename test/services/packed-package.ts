/** The package as another project gets it: packed, unpacked into that project's node_modules, and nothing else. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROJECT = join(import.meta.dirname, '../..');

export type ConsumerProject = {
  folder: string;
  /** Writes a source file; answers its path. */
  write(name: string, text: string): Promise<string>;
  /** Compiles all of it with the strictest settings, the package's own types included; answers what the compiler says. */
  typeCheck(): Promise<string>;
  remove(): Promise<void>;
};

/** The same for all of a run. */
let archive: Promise<string> | undefined;

/** @returns the path of what `npm pack` makes of the project */
export function packedPackage(): Promise<string> {
  archive ??= pack();
  return archive;
}

async function pack(): Promise<string> {
  const folder = join(PROJECT, 'dist/packed');
  await mkdir(folder, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: PROJECT,
    maxBuffer: 16 * 1024 * 1024,
  });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(folder, filename);
}

/** A project with the package and one React, the newest or 18; or a backend's: Node's types, and what `chatdrop/client` needs of others. */
export async function createConsumerProject(kind: 18 | 19 | 'backend'): Promise<ConsumerProject> {
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-consumer-'));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'chatdrop'), { recursive: true });
  await run('tar', ['-xzf', await packedPackage(), '--strip-components=1', '-C', join(modules, 'chatdrop')]);
  const isBackend = kind === 'backend';
  const from = join(PROJECT, kind === 18 ? 'test/react-18/node_modules' : 'node_modules');
  for (const name of isBackend ? ['jose', 'ws'] : ['react', 'react-dom', 'scheduler']) {
    await cp(join(from, name), join(modules, name), { recursive: true });
  }
  await mkdir(join(modules, '@types'));
  const types = isBackend ? ['@types/node', 'undici-types'] : ['@types/react', '@types/react-dom', 'csstype'];
  for (const name of types) await symlink(join(PROJECT, 'node_modules', name), join(modules, name));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', type: 'module', private: true }));
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        ...(isBackend
          ? { module: 'nodenext', lib: ['es2023', 'esnext.disposable'], types: ['node'] }
          : {
              module: 'esnext',
              moduleResolution: 'bundler',
              lib: ['es2022', 'dom', 'dom.iterable'],
              jsx: 'react-jsx',
              types: [],
            }),
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        preserveSymlinks: true,
      },
    }),
  );
  return {
    folder,
    async write(name, text) {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    },
    async typeCheck() {
      const result = await run(process.execPath, [
        join(PROJECT, 'node_modules/typescript/bin/tsc'),
        '-p',
        folder,
      ]).catch((error: { stdout: string }) => error);
      return result.stdout.trim();
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
