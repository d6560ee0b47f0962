/** `chatdrop files verify`: rows and stored objects held against each other. */
import type { Finding, Progress } from '../sharing/verify-files.ts';
import { type Command, readArguments } from './command.ts';
import { everySoOften } from './every-so-often.ts';
import { printable } from './table.ts';
import { withTools } from './with-tools.ts';

/** What is remembered for a repair; whoever has more repairs, and runs it again. */
const MAX_REPAIRED = 100_000;

export const filesVerify: Command = {
  summary: 'hold stored objects against the files, both ways',
  help: `chatdrop files verify [--deep] [--repair]

  Looks for files whose bytes are missing, of another size, unreadable, or (where the sha256 is known)
  changed; for lost thumbnails; and for stored objects that belong to no file. Works beside a running
  server. Progress goes to standard error. Exit code 1 when something is wrong and was not repaired.

  --deep      read every file, also those whose sha256 is not known, and note it
  --repair    take files without bytes out of their chats (with the event), delete orphaned objects, and
              let the server make lost thumbnails again; damaged files stay, for a backup may have them. When more than half is missing or orphaned
              nothing is touched: then the volume or the database is the wrong one
`,
  async run(args, { print, note, config }) {
    const { flags } = readArguments(args, { deep: { type: 'boolean' }, repair: { type: 'boolean' } });
    return withTools(config(), { alone: false }, async ({ verifyFiles, repairFiles }) => {
      let wrong = 0;
      const kept: Finding[] = [];
      const seen = await verifyFiles({
        deep: flags.deep === true,
        onFinding(finding) {
          wrong += 1;
          if (flags.repair === true && kept.length < MAX_REPAIRED) kept.push(finding);
          print(lineOf(finding));
        },
        onProgress: everySoOften((progress: Progress) => note(`… ${summaryOf(progress)}\n`)),
      });
      print(`${summaryOf(seen)}: ${wrong === 0 ? 'all is well' : `${wrong} faults`}.\n`);
      if (flags.repair !== true || wrong === 0) return wrong === 0 ? 0 : 1;
      const mended = await repairFiles(kept, seen);
      print(mended === null ? TOO_MUCH : `${mended} repaired, ${wrong - mended} left.\n`);
      return mended === wrong ? 0 : 1;
    });
  },
};

const TOO_MUCH = `Nothing was repaired: more than half is missing or belongs to no file. Is the volume of MEDIA_ROOT mounted,
and is this the database that belongs to it?
`;

function lineOf({ fault, key, file, detail }: Finding): string {
  const of = file === null ? '' : ` file ${file.id} “${printable(file.name)}” (${file.company}/${file.session})`;
  return `${fault}: ${key}${of}: ${printable(detail)}\n`;
}

function summaryOf({ files, objects, hashed, readBytes }: Progress): string {
  const mebibytes = Math.round(readBytes / 1024 / 1024);
  return `${files} files and ${objects} objects looked at, ${hashed} read (${mebibytes} MiB)`;
}
