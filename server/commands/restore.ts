/** `chatdrop restore`: a backup onto an empty machine, or looked through. */
import { restore as restoreInto } from '../compose/backup.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { everySoOften } from './every-so-often.ts';
import { printable } from './table.ts';

const MAX_SHOWN = 20;

export const restore: Command = {
  summary: 'bring a backup back, or look whether it is whole (--check)',
  help: `chatdrop restore FILE | FOLDER | - [--name NAME] [--check] [--even-damaged]

  Reads a backup, holds every byte against its manifest, and puts it into DATA_DIR and MEDIA_ROOT, where
  there must be nothing yet. The database comes last: stopped in the middle, run it again. Set the same
  settings as before; they are not in a backup. Clients that know of later events ask for everything anew.

  --name NAME      of a folder: not its newest backup, but this one
  --check          read all of it and write nothing; the settings do not matter then
  --even-damaged   bring back what is whole, as long as the database is

  Exit code 1 when something is missing or damaged.
`,
  async run(args, { print, note, input, config, signalled }) {
    const options = {
      name: { type: 'string' },
      check: { type: 'boolean' },
      'even-damaged': { type: 'boolean' },
    } as const;
    const { flags, words } = readArguments(args, options, true);
    const [from = '', ...more] = words;
    if (from === '' || more.length > 0)
      throw new UsageError('Name the archive or the folder to read, or - for standard input.');
    const stop = new AbortController();
    void signalled().then((signal) => stop.abort(new Error(`stopped by ${signal}; run it again and it begins anew`)));
    const { entries, bytes, faults, isRestored } = await restoreInto(config(), {
      from: from === '-' ? input() : from,
      name: textFlag(flags, 'name'),
      checkOnly: flags.check === true,
      acceptsFaults: flags['even-damaged'] === true,
      signal: stop.signal,
      onProgress: everySoOften((progress) => note(`… ${summaryOf(progress)}\n`)),
    });
    for (const fault of faults.slice(0, MAX_SHOWN)) print(`${printable(fault)}\n`);
    const outcome = faults.length === 0 ? 'all is as the manifest says' : `${faults.length} faults`;
    print(`${summaryOf({ entries, bytes })}: ${outcome}.\n`);
    if (isRestored) print('Restored. Start the server; "chatdrop files verify" looks whether all is well.\n');
    else if (faults.length > 0 && flags.check !== true)
      print('Not restored. --even-damaged brings back what is whole.\n');
    return faults.length === 0 ? 0 : 1;
  },
};

function summaryOf({ entries, bytes }: { entries: number; bytes: number }): string {
  return `${entries} entries read (${Math.round(bytes / 1024 / 1024)} MiB)`;
}
