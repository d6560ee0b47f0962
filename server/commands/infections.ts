/** `chatdrop infections`: in what a virus was found, and who brought it. */
import type { Infection } from '../database/infection-table.ts';
import { isScopeId } from '../rules/participant.ts';
import { presentInfection } from '../sharing/present-infection.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { readLimit } from './read-limit.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

export const infections: Command = {
  summary: 'list the files in which a virus was found, and who brought them',
  help: `chatdrop infections [--company ID] [--limit 100] [--json] [--forget SHA256]

  Lists the files in which the virus scanner found something, newest first. None of them is stored any
  more; the same bytes are refused at once. Works beside a running server.

  --forget   it was a false alarm: bytes with this sha256 are scanned again when they come
  --json     one JSON object a line
`,
  async run(args, { print, note, config }) {
    const { flags } = readArguments(args, {
      company: { type: 'string' },
      limit: { type: 'string', default: '100' },
      forget: { type: 'string' },
      json: { type: 'boolean' },
    });
    const company = textFlag(flags, 'company');
    if (company !== undefined && !isScopeId(company))
      throw new UsageError('--company must be 1 to 64 letters, digits, “_” or “-”.');
    const sha256 = textFlag(flags, 'forget')?.toLowerCase();
    if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
      throw new UsageError('--forget must be a sha256, 64 hexadecimal digits.');
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async (tools) => {
      if (sha256 !== undefined) {
        const isGone = await tools.forgetInfection(sha256);
        if (isGone) print(`forgotten ${sha256}\n`);
        else note(`Nothing bad is known of ${sha256}.\n`);
        return isGone ? 0 : 1;
      }
      const listed = await tools.infections.list(limit, { company });
      if (flags.json === true)
        for (const infection of listed) print(`${JSON.stringify(presentInfection(infection))}\n`);
      else print(listed.length === 0 ? 'None was found.\n' : table(HEADS, listed.map(rowOf)));
      return 0;
    });
  },
};

const HEADS = ['FOUND', 'COMPANY', 'SESSION', 'UPLOADER', 'SIGNATURE', 'SHA256', 'SIZE', 'NAME'];

function rowOf(infection: Infection): string[] {
  const { foundAt, company, session, uploader, subject, signature, sha256, sizeBytes, name } = infection;
  const who = subject === null ? uploader : `${uploader} ${subject}`;
  return [new Date(foundAt).toISOString(), company, session, who, signature, sha256, String(sizeBytes), name];
}
