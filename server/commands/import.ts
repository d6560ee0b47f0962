/** `chatdrop import`: takes over the files of the original Django service, while the server runs. */
import { open, rename, rm } from 'node:fs/promises';
import { openMedia, openSourceRows } from '../compose/import.ts';
import { sizeInWords } from '../rules/size-words.ts';
import type { ImportFinding, ImportProgress } from '../sharing/import-files.ts';
import { type Command, type Flags, readArguments, textFlag, UsageError } from './command.ts';
import { everySoOften } from './every-so-often.ts';
import { printable } from './table.ts';
import { withTools } from './with-tools.ts';

const DEFAULT_SOURCE = 'django';
const SOURCE = /^[A-Za-z0-9_-]{1,32}$/;

export const importCommand: Command = {
  summary: 'take over the ChatFile table and the files of the original Django service',
  help: `chatdrop import --from DATABASE|EXPORT --media FOLDER|s3://BUCKET[/PREFIX] [--dry-run]
                [--table NAME] [--source NAME] [--map FILE] [--even-not-allowed]

  Brings every file of another service over: its bytes are looked at as an upload's are, copied, and
  recorded with its chat, sender, name, time and, where it is free, its id. Reads only, there. Works
  beside a running server; killed in the middle, or run again, it goes on where it was, and brings
  nothing twice. docs/migrate-from-django.md goes through it step by step.

  --from              db.sqlite3, postgres://…, what manage.py dumpdata wrote (JSON or JSON lines), or CSV
  --media             MEDIA_ROOT of the other service, or its bucket (with the AWS_… settings)
  --dry-run           looks at every row and every file, says what would come, and changes nothing
  --table NAME        of a database; found by its columns if not given
  --source NAME       keeps several services apart that are brought together here; “${DEFAULT_SOURCE}” if not given
  --map FILE          writes id there, id here, and path there of every file, a JSON object a line
  --even-not-allowed  also files that the settings would not let in now: by type, size, or password.
                      Programs, scripts, web pages and SVG pictures stay refused

  What does not come is listed, with the reason. Exit code 1 when bytes are missing or something failed.
`,
  async run(args, { print, note, config, signalled }) {
    const { flags } = readArguments(args, {
      from: { type: 'string' },
      media: { type: 'string' },
      'dry-run': { type: 'boolean' },
      table: { type: 'string' },
      source: { type: 'string', default: DEFAULT_SOURCE },
      map: { type: 'string' },
      'even-not-allowed': { type: 'boolean' },
    });
    const { from, mediaPlace, source } = readWhere(flags);
    const dryRun = flags['dry-run'] === true;
    const stop = new AbortController();
    void signalled().then((signal) => stop.abort(new Error(`stopped by ${signal}; run it again and it goes on`)));
    const settings = config();
    return withTools(settings, { alone: false }, async ({ importFiles, beginImport, freeBytes }) => {
      if (!dryRun) await beginImport();
      const media = await openMedia(settings, mediaPlace);
      const rows = await openSourceRows(from, textFlag(flags, 'table') ?? null).catch(async (error) => {
        await media.close();
        throw error;
      });
      const map = await openMap(dryRun ? undefined : textFlag(flags, 'map'));
      let seen: ImportProgress | undefined;
      const tellProgress = everySoOften((progress: ImportProgress) => note(`… ${summaryOf(progress, dryRun)}\n`));
      try {
        note(`Rows come from ${rows.name}.\n`);
        seen = await importFiles({
          ...{ source, media, dryRun, rows: rows.rows(), evenNotAllowed: flags['even-not-allowed'] === true },
          signal: stop.signal,
          onFinding: (finding) => print(lineOf(finding)),
          onFile: map.add,
          onProgress(progress) {
            seen = progress;
            tellProgress(progress);
          },
        });
        await map.finish();
      } catch (error) {
        await map.abandon();
        if (seen !== undefined) print(`${summaryOf(seen, dryRun)}.\n`);
        throw stop.signal.aborted ? stop.signal.reason : error;
      } finally {
        await rows.close();
        await media.close();
      }
      print(`${summaryOf(seen, dryRun)}.\n${reasonsOf(seen)}`);
      if (dryRun) print(`${roomFor(seen, await freeBytes())}Nothing was changed.\n`);
      return seen.missing + seen.failed === 0 ? 0 : 1;
    });
  },
};

function readWhere(flags: Flags): { from: string; mediaPlace: string; source: string } {
  const from = textFlag(flags, 'from');
  const mediaPlace = textFlag(flags, 'media');
  const source = textFlag(flags, 'source') ?? DEFAULT_SOURCE;
  if (!from) throw new UsageError('Where are the rows? --from db.sqlite3, postgres://…, or an export.');
  if (!mediaPlace) throw new UsageError('Where are the files? --media FOLDER, or s3://BUCKET.');
  if (!SOURCE.test(source)) throw new UsageError('--source is 1 to 32 letters, digits, “_” or “-”.');
  return { from, mediaPlace, source };
}

function lineOf({ is, sourceId, path, code, detail }: ImportFinding): string {
  const what = is === 'refused' ? `refused (${code})` : is;
  return `${what}: row ${printable(sourceId)} (${printable(path)}): ${printable(detail)}\n`;
}

function summaryOf({ rows, imported, importedBytes, there, missing, refused, failed }: ImportProgress, dry: boolean) {
  const what = dry ? 'would be imported' : 'imported';
  const counts = `${there} there already, ${missing} missing, ${refused} refused, ${failed} failed`;
  return `${rows} rows looked at: ${imported} ${what} (${mebibytes(importedBytes)}), ${counts}`;
}

function reasonsOf({ refusedByCode, otherSize }: ImportProgress): string {
  const reasons = [...refusedByCode].map(([code, count]) => `refused, ${code}: ${count}\n`);
  const notes = otherSize === 0 ? '' : `of another size than their row says: ${otherSize}\n`;
  return reasons.join('') + notes;
}

function roomFor({ importedBytes }: ImportProgress, freeBytes: number): string {
  if (importedBytes <= freeBytes) return '';
  return `There is not room for that: ${sizeInWords(freeBytes)} are free in the store.\n`;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

type MapFile = {
  add(file: { sourceId: string; path: string; fileId: number }): Promise<void>;
  finish(): Promise<void>;
  abandon(): Promise<void>;
};

/** Lines that are written together. */
const MAX_WAITING_LINES = 1000;

/** Whole or not there: it gets its name at the end. It names chats, so only its owner reads it. */
async function openMap(file: string | undefined): Promise<MapFile> {
  const nothing = async () => {};
  if (file === undefined) return { add: nothing, finish: nothing, abandon: nothing };
  const beside = `${file}.writing`;
  await rm(beside, { force: true });
  const handle = await open(beside, 'wx', 0o600);
  let waiting: string[] = [];
  const flush = async () => {
    await handle.appendFile(waiting.join(''));
    waiting = [];
  };
  return {
    async add({ sourceId, path, fileId }) {
      const line = JSON.stringify({ source_id: sourceId, file_id: fileId, path });
      if (waiting.push(`${line}\n`) >= MAX_WAITING_LINES) await flush();
    },
    async finish() {
      await flush();
      await handle.close();
      await rename(beside, file);
    },
    async abandon() {
      await handle.close().catch(() => {});
      await rm(beside, { force: true });
    },
  };
}
