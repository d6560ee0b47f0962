/** Where the single executable unpacks its libraries: the first of these that serves. */
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

/** `UNPACK_DIR` alone where it is set (several are separated as in PATH); else the user's cache, and then the folder for what is temporary. */
export function unpackFolders(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string[] {
  if (env.UNPACK_DIR) {
    const folders = env.UNPACK_DIR.split(path.delimiter).filter((folder) => folder !== '');
    return folders.map((folder) => path.resolve(folder));
  }
  const cache = cacheFolder(env, platform);
  // With the user in its name: who came first to a common one would keep all others out.
  const temporary = path.join(tmpdir(), `chatdrop-${process.geteuid?.() ?? 'libraries'}`);
  return [...(cache === null ? [] : [path.join(cache, 'chatdrop')]), temporary];
}

function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | null {
  // The XDG specification: one that is not absolute does not count.
  if (platform !== 'win32' && env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME)) return env.XDG_CACHE_HOME;
  if (platform === 'win32' && env.LOCALAPPDATA) return env.LOCALAPPDATA;
  const home = homeFolder(env);
  if (home === null || platform === 'win32') return null;
  return platform === 'darwin' ? path.join(home, 'Library', 'Caches') : path.join(home, '.cache');
}

/** Null for a user that the system has no entry of, as in a container. */
function homeFolder(env: NodeJS.ProcessEnv): string | null {
  if (env.HOME) return env.HOME;
  try {
    return homedir();
  } catch {
    return null;
  }
}
