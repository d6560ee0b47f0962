/** `chatdrop deletions`: the receipts of what was deleted. */
import { isScopeId } from '../rules/participant.ts';
import { presentDeletions, type Receipt } from '../sharing/present-deletion.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { readLimit } from './read-limit.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

export const deletions: Command = {
  summary: 'list the receipts of deletions, and what is left of each',
  help: `chatdrop deletions [--company ID] [--limit 50] [--json]

  Lists deletions, newest first: what, by whom, when, how many files and bytes, and whether anything is
  left of it. Works beside a running server. Exit code 1 when one of those listed is not complete.

  --json     one JSON object a line
`,
  async run(args, { print, config }) {
    const { flags } = readArguments(args, {
      company: { type: 'string' },
      limit: { type: 'string', default: '50' },
      json: { type: 'boolean' },
    });
    const company = textFlag(flags, 'company');
    if (company !== undefined && !isScopeId(company))
      throw new UsageError('--company must be 1 to 64 letters, digits, “_” or “-”.');
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async (tools) => {
      const listed = await tools.deletions.list(company, undefined, limit);
      const receipts = await presentDeletions(tools.deletions, listed);
      if (flags.json === true) for (const receipt of receipts) print(`${JSON.stringify(receipt)}\n`);
      else print(receipts.length === 0 ? 'Nothing was deleted.\n' : table(HEADS, receipts.map(rowOf)));
      return receipts.every(({ completed_at }) => completed_at !== null) ? 0 : 1;
    });
  },
};

const HEADS = ['ID', 'KIND', 'OF', 'BY', 'REQUESTED', 'FILES', 'BYTES', 'UPLOADS', 'LEFT', 'COMPLETE', 'LAST ERROR'];
const SHOWN_ERROR_CHARACTERS = 200;

function rowOf(receipt: Receipt): string[] {
  const { role, subject } = receipt.requested_by;
  const of = [receipt.company_id, receipt.session_id, receipt.file_id].filter((part) => part !== null).join('/');
  return [
    String(receipt.id),
    receipt.kind,
    of,
    subject === null ? role : `${role} ${subject}`,
    receipt.requested_at,
    String(receipt.files),
    String(receipt.bytes),
    String(receipt.uploads),
    receipt.rows_removed_at === null ? 'rows' : String(receipt.objects_left + receipt.uploads_left),
    receipt.completed_at ?? 'no',
    (receipt.last_error ?? '').slice(0, SHOWN_ERROR_CHARACTERS),
  ];
}
