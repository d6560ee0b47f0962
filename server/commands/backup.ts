/** `chatdrop backup`: all that a server has, while it runs. */
import { backUp } from '../compose/backup.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { everySoOften } from './every-so-often.ts';

const MAX_SHOWN = 20;

export const backup: Command = {
  summary: 'back up rows and files, while the server runs',
  help: `chatdrop backup FILE | FOLDER/ | - [--keep N]

  Writes the database and all files, as they are at one moment, with a manifest of their hashes. Works
  beside a running server and keeps nobody waiting. Uploads on their way are in it, as far as they came.

  FILE      one tar archive; a file that is there already is not overwritten
  FOLDER/   a folder of backups: files that an earlier one has are not copied again
  -         the archive to standard output:  chatdrop backup - | ssh elsewhere 'cat > chatdrop.tar'
  --keep N  of a folder: delete all backups but the newest N, and the files that only those had

  Who reads a backup reads every file, and the keys that are in the database: keep it as safe as the server.
  Progress goes to standard error. Exit code 1 when files are missing that the database names.
`,
  async run(args, { print, note, output, config, signalled }) {
    const { flags, words } = readArguments(args, { keep: { type: 'string' } }, true);
    const [to = '', ...more] = words;
    if (to === '' || more.length > 0)
      throw new UsageError('Name one file or folder to write to, or - for standard output.');
    const keep = readKeep(textFlag(flags, 'keep'));
    const stop = new AbortController();
    void signalled().then((signal) => stop.abort(new Error(`stopped by ${signal}: this is no backup`)));
    const made = await backUp(config(), {
      to: to === '-' ? output() : to,
      keep,
      signal: stop.signal,
      onProgress: everySoOften(({ copied, copiedBytes }) =>
        note(`… ${copied} files copied (${mebibytes(copiedBytes)})\n`),
      ),
    });
    const say = to === '-' ? note : print;
    const kept = made.objects - made.copied;
    say(
      `Backed up: ${made.objects} files (${made.copied} copied, ${mebibytes(made.copiedBytes)}${kept > 0 ? `; ${kept} were there` : ''}), ${made.unfinished} unfinished uploads.\n`,
    );
    if (made.pruned.backups > 0)
      say(`Deleted: ${made.pruned.backups} old backups, and ${made.pruned.objects} files that only they had.\n`);
    if (made.missing.length === 0) return 0;
    for (const key of made.missing.slice(0, MAX_SHOWN)) say(`missing: ${key}\n`);
    say(`${made.missing.length} files are missing in the store. "chatdrop files verify" says whose they are.\n`);
    return 1;
  },
};

function readKeep(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError('--keep is how many backups stay: 1 or more.');
  return Number(text);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
