/** Clears away what executables of other versions have unpacked, and nobody has loaded for a while. */
import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { LIBRARY_NAMES } from './library-name.ts';
import { UNFINISHED } from './unpack-library.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Since it was last loaded: who goes back to the version before finds it still there. */
const UNUSED_DAYS = 7;
/** At one start. */
const MAX_REMOVED = 10;
/** Looked at, of this user's; with more than these nothing is removed. */
const MAX_PROCESSES = 10_000;
/** As `unpack-library.ts` names them. */
const LIBRARY = /^([a-z]+)-[0-9a-f]{16}$/;

/**
 * Marks a folder as loaded now, and removes those beside it that were not for a week, unless a running process has something
 * of them in its memory. Never throws: a start does not fail by it. Who comes to need one again unpacks it again.
 * @param used the folder of a library that was just loaded
 */
export function removeOldLibraries(used: string, nowMs: number): void {
  try {
    const parent = path.dirname(used);
    if (lstatSync(used).mtimeMs < nowMs - DAY_MS) mark(used, nowMs);
    const old = readdirSync(parent)
      .filter(isLibrary)
      .map((name) => path.join(parent, name))
      .filter((folder) => folder !== used && isUnused(folder, nowMs))
      .slice(0, MAX_REMOVED);
    if (old.length === 0) return;
    const loaded = loadedFiles();
    for (const folder of old) {
      if (loaded === null || loaded.includes(`${folder}${path.sep}`)) mark(folder, nowMs);
      else remove(folder);
    }
  } catch {
    // They take room, and are in nobody's way.
  }
}

function isLibrary(name: string): boolean {
  const [, library] = LIBRARY.exec(name) ?? [];
  return LIBRARY_NAMES.some((known) => known === library);
}

function isUnused(folder: string, nowMs: number): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.mtimeMs < nowMs - UNUSED_DAYS * DAY_MS;
}

function mark(folder: string, nowMs: number): void {
  utimesSync(folder, nowMs / 1000, nowMs / 1000);
}

/** Away from its name first: no process finds half of it, and Windows does not let go of what is loaded. */
function remove(folder: string): void {
  const away = path.join(path.dirname(folder), `${UNFINISHED}${randomUUID()}`);
  try {
    renameSync(folder, away);
  } catch {
    return;
  }
  rmSync(away, { recursive: true, force: true });
}

/**
 * What this user's processes have loaded, as Linux shows it, line by line. Elsewhere '': there what was loaded stays in
 * memory (macOS), or cannot be renamed (Windows). Null: too many to look at.
 */
function loadedFiles(): string | null {
  if (process.platform !== 'linux') return '';
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  if (processes.length > MAX_PROCESSES) return null;
  const lines: string[] = [];
  for (const id of processes) {
    try {
      const maps = readFileSync(`/proc/${id}/maps`, 'utf8').split('\n');
      lines.push(...maps.filter((line) => /\/(?:sqlite|sharp)-[0-9a-f]{16}\//.test(line)));
    } catch {
      // It has ended, or is another user's, who has no business in this folder.
    }
  }
  return lines.join('\n');
}
