/** `chatdrop migrate-storage`: all files into another store, while the server runs. */
import type { StoreName } from '../database/store-record.ts';
import type { MoveProgress } from '../sharing/move-files.ts';
import type { MoveOutcome } from '../sharing/move-storage.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { everySoOften } from './every-so-often.ts';
import { printable } from './table.ts';
import { withTools } from './with-tools.ts';

const STORES: readonly string[] = ['local', 's3'];
/** How a server is told to put new files there. */
const SETTING: Record<StoreName, string> = { s3: 'USE_S3_STORAGE=true', local: 'USE_S3_STORAGE=false' };
const TO: Record<StoreName, string> = { s3: 'to S3', local: 'to the local disk' };
const IN: Record<StoreName, string> = { s3: 'in S3', local: 'on the local disk' };

export const migrateStorage: Command = {
  summary: 'move all files to S3 or back, while the server runs',
  help: `chatdrop migrate-storage --to s3|local [--empty-source]

  Copies all files into the other store and reads each copy back, while the server runs. Killed in the
  middle, or run again, it goes on where it was. It needs the settings of both stores (AWS_… and
  MEDIA_ROOT), and runs where the local files are. In three steps, without a file being away:

  1. chatdrop migrate-storage --to s3      copies what there is; the server stays on the local disk
  2. USE_S3_STORAGE=true, start again      new files go to S3; what is not there is read from the disk
  3. chatdrop migrate-storage --to s3      copies what came in between, and ends the move

  Back again: the same with --to local and USE_S3_STORAGE=false.

  --empty-source   in step 3, delete from the old store what the new one has
`,
  async run(args, { print, note, config, signalled }) {
    const { flags } = readArguments(args, { to: { type: 'string' }, 'empty-source': { type: 'boolean' } });
    const to = textFlag(flags, 'to') ?? '';
    if (!isStore(to)) throw new UsageError('Where to? --to s3 or --to local.');
    const stop = new AbortController();
    void signalled().then((signal) => stop.abort(new Error(`stopped by ${signal}; run it again and it goes on`)));
    return withTools(config(), { alone: false }, async ({ moveStorage }) => {
      const outcome = await moveStorage(to, {
        emptySource: flags['empty-source'] === true,
        signal: stop.signal,
        onFault: ({ file, detail }) =>
          print(`not copied: file ${file.id} “${printable(file.name)}” (${file.storageKey}): ${printable(detail)}\n`),
        onProgress: everySoOften((progress: MoveProgress) => note(`… ${summaryOf(progress)}\n`)),
      });
      if (outcome.is !== 'there already') print(`${summaryOf(outcome.progress)}.\n`);
      print(wordsFor(outcome, to, flags['empty-source'] === true));
      return outcome.is === 'faulty' || outcome.is === 'waiting' ? 1 : 0;
    });
  },
};

function isStore(word: string): word is StoreName {
  return STORES.includes(word);
}

function summaryOf({ files, copied, copiedBytes, faults }: MoveProgress): string {
  const mebibytes = Math.round(copiedBytes / 1024 / 1024);
  return `${files} files looked at, ${copied} copied and read back (${mebibytes} MiB), ${faults} faults`;
}

function wordsFor(outcome: MoveOutcome, to: StoreName, emptySource: boolean): string {
  const other: StoreName = to === 's3' ? 'local' : 's3';
  switch (outcome.is) {
    case 'there already':
      return `The files are ${IN[to]} already. "chatdrop files verify" looks whether all are.\n`;
    case 'faulty':
      return `Not all could be copied. See the faults above: "chatdrop files verify" says what is wrong ${IN[other]}. Then run this again.\n`;
    case 'copied':
      return `Now start the server with ${SETTING[to]}, and run this again: what comes until then still goes ${TO[other]}, and stays readable.\n`;
    case 'waiting':
      return outcome.unfinished > 0
        ? `${outcome.unfinished} uploads that began before still arrive ${IN[other]}. Run this again when they have ended (UPLOAD_EXPIRY at the latest).\n`
        : `${outcome.uncopied} files came ${TO[other]} in the meantime. Run this again.\n`;
    case 'done': {
      const left = emptySource ? outcome.source.orphans : outcome.source.orphans + outcome.source.copied;
      const old =
        left === 0
          ? `Nothing is left ${IN[other]}.`
          : `${left} objects ${IN[other]} are not needed any more${emptySource ? ': they belong to no file' : ''}.`;
      const lost = `${outcome.orphans} objects there belong to no file, of removed ones perhaps: "chatdrop files verify --repair" deletes them.`;
      return `The move is done: all files are ${IN[to]}. ${old}\n${outcome.orphans === 0 ? '' : `${lost}\n`}`;
    }
  }
}
