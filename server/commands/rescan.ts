/** `chatdrop rescan`: has the virus scanner look at files that are shared already. */
import { readDuration } from '../config-values.ts';
import type { RescanFinding, RescanProgress } from '../sharing/rescan-files.ts';
import { type Command, type Flags, readArguments, textFlag, UsageError } from './command.ts';
import { everySoOften } from './every-so-often.ts';
import { printable } from './table.ts';
import { withTools } from './with-tools.ts';

export const rescan: Command = {
  summary: 'scan files that are shared already, after new signatures or once CLAMAV_URL is set',
  help: `chatdrop rescan [--company COMPANY] [--not-scanned] [--since 7d|2026-11-27]

  Has the virus scanner of CLAMAV_URL look at files that are shared already. A clean one is marked so,
  with its sha256; an infected one is taken out of its chat, its bytes go, and everybody there hears of
  it. What cannot be scanned stays, and is named. Works beside a running server; killed or stopped, it
  can be run again. Exit code 1 when the scanner is away or a file could not be scanned.

  --company       only files of this company
  --not-scanned   only files that no scanner has seen: goes on where an earlier run was stopped
  --since         only files shared since a day or time (UTC), or so long ago: 90m, 12h, 7d
`,
  async run(args, { print, note, config, signalled }) {
    const { flags } = readArguments(args, {
      company: { type: 'string' },
      'not-scanned': { type: 'boolean' },
      since: { type: 'string' },
    });
    const createdSince = readSince(flags);
    const stop = new AbortController();
    void signalled().then((signal) => stop.abort(new Error(`stopped by ${signal}`)));
    return withTools(config(), { alone: false }, async ({ rescanFiles }) => {
      if (rescanFiles === null) throw new Error('There is no virus scanner. Set CLAMAV_URL, as the server has it.');
      let seen: RescanProgress | undefined;
      const tellProgress = everySoOften((progress: RescanProgress) => note(`… ${summaryOf(progress)}\n`));
      try {
        seen = await rescanFiles({
          company: textFlag(flags, 'company'),
          notScanned: flags['not-scanned'] === true,
          createdSince,
          signal: stop.signal,
          onFinding: (finding) => print(lineOf(finding)),
          onProgress(progress) {
            seen = progress;
            tellProgress(progress);
          },
        });
      } catch (error) {
        if (seen !== undefined) print(`${summaryOf(seen)}.\n`);
        throw stop.signal.aborted ? stop.signal.reason : error;
      }
      print(`${summaryOf(seen)}.\n`);
      return seen.faults === 0 ? 0 : 1;
    });
  },
};

/** Milliseconds since 1970. */
function readSince(flags: Flags): number | undefined {
  const text = textFlag(flags, 'since');
  if (text === undefined) return undefined;
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text))) return Date.parse(text);
  try {
    return Date.now() - readDuration(text) * 1000;
  } catch {
    throw new UsageError(`--since “${text}” is neither a day, such as 2026-11-27, nor a time ago, such as 7d.`);
  }
}

function lineOf({ is, file, detail }: RescanFinding): string {
  const what = is === 'infected' ? 'infected, removed' : is;
  return `${what}: file ${file.id} “${printable(file.name)}” (${file.company}/${file.session}): ${printable(detail)}\n`;
}

function summaryOf({ files, readBytes, changed, infected, faults }: RescanProgress): string {
  const mebibytes = Math.round(readBytes / 1024 / 1024);
  return `${files} files scanned (${mebibytes} MiB), ${changed} newly clean, ${infected} infected and removed, ${faults} not scanned`;
}
