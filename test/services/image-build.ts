/**
 * Carries out the steps of the Dockerfile without a container engine: the same files, the same commands, the same paths, in
 * roots of their own (mount and process namespaces, chroot). This machine's Debian stands for that of the base image, with
 * the Node that the project brings and this machine's npm in /usr/local. What it does not know it refuses.
 */
import { execFile, spawn } from 'node:child_process';
import { cp, link, lstat, mkdir, mkdtemp, readFile, readlink, realpath, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import dockerIgnore from '@balena/dockerignore';
import { type Copy, DockerfileParser, type Instruction, type JSONInstruction } from 'dockerfile-ast';

const PROJECT = path.join(import.meta.dirname, '../..');
const IMAGE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const COMMAND_TIMEOUT_MS = 300_000;
/** What a command needs to reach the package registry as this machine does. */
const NETWORK_SETTINGS = /^(?:npm_config_.*|https?_proxy|no_proxy|node_extra_ca_certs)$/i;
const run = promisify(execFile);

export type Image = {
  /** Its files as a container would see them, but for those of the base. */
  root: string;
  base: string;
  env: Record<string, string>;
  user: string;
  workdir: string;
  volumes: string[];
  ports: number[];
  healthcheck: { flags: Record<string, string>; command: string[] };
  entrypoint: string[];
  command: string[];
};

type Stage = Image & { name: string; mounts: [string, string][] };

export type ImageBuild = {
  image: Image;
  /** Files of the project that a builder would be sent. */
  isSent(file: string): boolean;
  remove(): Promise<void>;
};

/**
 * `installed`: commands whose result is there already, and the folder that holds it; they are not run again.
 * @throws with the command's output when a step fails
 */
export async function buildImage(installed: Record<string, { folder: string; target: string }>): Promise<ImageBuild> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-image-'));
  // Tens of thousands of files: one program is much faster than as many calls.
  const remove = async () => void (await run('rm', ['-rf', folder]));
  try {
    const ignored = dockerIgnore.default({ ignorecase: false });
    ignored.add(await readFile(path.join(PROJECT, '.dockerignore'), 'utf8'));
    const isSent = (file: string) => !ignored.ignores(file);
    const stages: Stage[] = [];
    for (const step of await readSteps()) {
      if (step.getKeyword() === 'FROM') stages.push(await newStage(step, path.join(folder, String(stages.length))));
      else await carryOut(step, stages, isSent, installed);
    }
    const image = stages.at(-1);
    if (image === undefined) throw new Error('The Dockerfile has no stage.');
    return { image, isSent, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

export async function readSteps(): Promise<Instruction[]> {
  return DockerfileParser.parse(await readFile(path.join(PROJECT, 'Dockerfile'), 'utf8')).getInstructions();
}

/** A stage begins with the base image's folders, of which those with programs are this machine's. */
async function newStage(step: Instruction, root: string): Promise<Stage> {
  const [base = '', , name = ''] = valuesOf(step);
  for (const made of ['app', 'dev', 'etc/ssl', 'proc', 'root', 'tmp', 'usr', 'var/lib', '.local/bin'])
    await mkdir(path.join(root, made), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const isLink = await lstat(`/${name}`).then(
      (entry) => entry.isSymbolicLink(),
      () => false,
    );
    if (isLink) await symlink(await readlink(`/${name}`), path.join(root, name));
  }
  await writeFile(path.join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  await writeFile(path.join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  const local = path.join(root, '.local');
  await link(await realpath(process.execPath), path.join(local, 'bin/node')).catch(() =>
    cp(process.execPath, path.join(local, 'bin/node')),
  );
  const { stdout } = await run('npm', ['root', '--global']);
  const npm = await realpath(path.join(stdout.trim(), 'npm'));
  await mkdir(path.join(local, 'lib/node_modules'), { recursive: true });
  // What is in /usr is there as it is; /usr/local is not.
  if (/^\/usr\/(?!local\/)/.test(npm)) await symlink(npm, path.join(local, 'lib/node_modules/npm'));
  else await cp(npm, path.join(local, 'lib/node_modules/npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', path.join(local, 'bin/npm'));
  return {
    name,
    root,
    base,
    env: { PATH: IMAGE_PATH },
    user: '0:0',
    workdir: '/',
    volumes: [],
    ports: [],
    healthcheck: { flags: {}, command: [] },
    entrypoint: [],
    command: [],
    mounts: [],
  };
}

async function carryOut(
  step: Instruction,
  stages: Stage[],
  isSent: (file: string) => boolean,
  installed: Record<string, { folder: string; target: string }>,
): Promise<void> {
  const stage = stages.at(-1) as Stage;
  const values = valuesOf(step);
  switch (step.getKeyword()) {
    case 'WORKDIR':
      stage.workdir = values[0] ?? '/';
      await mkdir(path.join(stage.root, stage.workdir), { recursive: true });
      return;
    case 'ENV':
      for (const pair of values) stage.env[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
      return;
    case 'ARG':
      if (values[0] !== 'TARGETARCH') throw new Error(`The test does not know ${values[0]}.`);
      stage.env.TARGETARCH = process.arch === 'x64' ? 'amd64' : process.arch;
      return;
    case 'COPY':
      return copy(step as Copy, stages, isSent);
    case 'RUN': {
      const command = (step.getRawArgumentsContent() ?? '').replaceAll(/\\\n\s*/g, '').trim();
      const known = installed[command];
      if (known === undefined) return runStep(stage, command);
      stage.mounts.push([known.folder, known.target]);
      await mkdir(path.join(stage.root, known.target), { recursive: true });
      return;
    }
    case 'USER':
      stage.user = values[0] ?? '';
      return;
    case 'VOLUME':
      stage.volumes.push(...values);
      return;
    case 'EXPOSE':
      stage.ports.push(...values.map(Number));
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = {
        flags: flagsOf(step),
        command: JSON.parse((step.getRawArgumentsContent() ?? '').replace(/^CMD /, '')) as string[],
      };
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = jsonOf(step);
      return;
    case 'CMD':
      stage.command = jsonOf(step);
      return;
    case 'LABEL':
      return;
    default:
      throw new Error(`The test cannot carry out ${step.getKeyword()} yet.`);
  }
}

async function copy(step: Copy, stages: Stage[], isSent: (file: string) => boolean): Promise<void> {
  const stage = stages.at(-1) as Stage;
  const { from } = flagsOf(step);
  const source = from === undefined ? PROJECT : stages.find(({ name }) => name === from)?.root;
  if (source === undefined) throw new Error(`There is no stage ${from}.`);
  const files = valuesOf(step);
  const given = files.pop() ?? '';
  const target = path.join(stage.root, path.resolve(stage.workdir, given));
  for (const file of files) {
    const origin = path.join(source, file);
    const isFolder = (await lstat(origin)).isDirectory();
    const into = !isFolder && given.endsWith('/') ? path.join(target, path.basename(file)) : target;
    // Nothing changes a file of an earlier stage any more, so that a second name for it is copy enough.
    if (from !== undefined) await run('cp', ['-a', '--link', '--no-target-directory', origin, into]);
    else
      await cp(origin, into, {
        recursive: true,
        filter: (name) => isSent(path.relative(PROJECT, name)),
      });
  }
}

async function runStep(stage: Stage, command: string): Promise<void> {
  const env: Record<string, string> = { ...stage.env, HOME: '/root' };
  for (const [name, value] of Object.entries(process.env))
    if (NETWORK_SETTINGS.test(name) && value !== undefined) env[name] = value;
  const mounts = [...stage.mounts];
  if (env.NODE_EXTRA_CA_CERTS !== undefined) {
    await cp(env.NODE_EXTRA_CA_CERTS, path.join(stage.root, 'etc/ssl/extra.pem'), { dereference: true });
    env.NODE_EXTRA_CA_CERTS = '/etc/ssl/extra.pem';
  }
  const { stdout } = await run('npm', ['config', 'get', 'cache']);
  await mkdir(stdout.trim(), { recursive: true });
  await mkdir(path.join(stage.root, 'root/.npm'), { recursive: true });
  mounts.push([stdout.trim(), '/root/.npm']);
  await cp('/etc/resolv.conf', path.join(stage.root, 'etc/resolv.conf'), { dereference: true });
  // What is in the cache of npm is not asked for again.
  env.npm_config_prefer_offline = 'true';
  const [program, ...args] = enter({ ...stage, mounts }, ['/bin/sh', '-c', command], { readOnly: false });
  await run(program as string, args, { env, timeout: COMMAND_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 });
}

type Entering = {
  readOnly: boolean;
  /** Without the rights that root has in a container. */
  unprivileged?: boolean;
};

/** The words that run a command in there, as process 1 of its own. Its environment is that of the caller. */
function enter(
  { root, user, workdir, mounts }: Pick<Stage, 'root' | 'user' | 'workdir' | 'mounts'>,
  command: string[],
  { readOnly, unprivileged = false }: Entering,
): string[] {
  const [uid, gid] = user.split(':');
  const script = [
    'set -e; root=$1; shift',
    'mount --bind "$root" "$root"',
    'mount --bind -o ro /usr "$root/usr"',
    'mount --bind "$root/.local" "$root/usr/local"',
    'mount --bind /dev "$root/dev"',
    'mount -t proc proc "$root/proc"',
    ...(readOnly ? ['mount -o remount,bind,ro "$root"', 'mount -o remount,bind,ro "$root/usr/local"'] : []),
    ...mounts.map(([from, to]) => `mount --bind '${from}' "$root${to}"`),
    'cd "$root"; exec chroot "$root" "$@"',
  ].join('\n');
  const as = unprivileged
    ? [
        'setpriv',
        '--reuid',
        `${uid}`,
        '--regid',
        `${gid}`,
        '--clear-groups',
        '--no-new-privs',
        '--bounding-set',
        '-all',
      ]
    : [];
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
  const words = [...as, 'env', '-C', workdir, ...command];
  return ['/usr/bin/unshare', ...namespaces, '/bin/sh', '-c', script, 'sh', root, ...words];
}

/** A container of the image with a volume, as `docker run --read-only` would start it. */
export function startContainer(
  image: Image,
  volume: string,
  { env = {}, command = image.command }: { env?: Record<string, string>; command?: string[] },
) {
  const [program, ...args] = containerWords(image, volume, [...image.entrypoint, ...command]);
  return spawn(program as string, args, { env: { ...image.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export function containerWords(image: Image, volume: string, command: string[]): string[] {
  const [target = ''] = image.volumes;
  return enter({ ...image, mounts: [[volume, target]] }, command, { readOnly: true, unprivileged: true });
}

function valuesOf(step: Instruction): string[] {
  const json = jsonOf(step);
  return json.length > 0 ? json : step.getArguments().map((argument) => argument.getValue().replaceAll('"', ''));
}

function jsonOf(step: Instruction): string[] {
  return ((step as Partial<JSONInstruction>).getJSONStrings?.() ?? []).map((word) => word.getJSONValue());
}

function flagsOf(step: Instruction): Record<string, string> {
  const flags = (step as Partial<JSONInstruction>).getFlags?.() ?? [];
  return Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? '']));
}
