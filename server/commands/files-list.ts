/** `chatdrop files list`: what is shared, of all companies or of one. */
import type { FileRecord } from '../database/chat-file-table.ts';
import { isScopeId } from '../rules/participant.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { readLimit } from './read-limit.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

export const filesList: Command = {
  summary: 'list shared files, oldest first',
  help: `chatdrop files list [--company ID] [--session ID] [--after ID] [--limit 100] [--json]

  Lists shared files, oldest first. Works beside a running server.

  --after    only files with a greater id: the last one listed, for the next page
  --json     one JSON object a line
`,
  async run(args, { print, note, config }) {
    const { flags } = readArguments(args, {
      company: { type: 'string' },
      session: { type: 'string' },
      after: { type: 'string', default: '0' },
      limit: { type: 'string', default: '100' },
      json: { type: 'boolean' },
    });
    const only = { company: textFlag(flags, 'company'), session: textFlag(flags, 'session') };
    for (const [name, value] of Object.entries(only)) {
      if (value !== undefined && !isScopeId(value))
        throw new UsageError(`--${name} must be 1 to 64 letters, digits, “_” or “-”.`);
    }
    if (!/^\d{1,15}$/.test(String(flags.after))) throw new UsageError('--after must be the id of a file.');
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async ({ files }) => {
      const page = await files.pageAll(Number(flags.after), limit + 1, only);
      const shown = page.slice(0, limit);
      if (flags.json === true) for (const file of shown) print(`${JSON.stringify(wireFile(file))}\n`);
      else print(table(HEADS, shown.map(rowOf)));
      if (page.length > limit) note(`There are more. Go on with: --after ${shown.at(-1)?.id}\n`);
      return 0;
    });
  },
};

const HEADS = ['ID', 'COMPANY', 'SESSION', 'UPLOADER', 'TYPE', 'SIZE', 'CREATED', 'NAME'];

function rowOf(file: FileRecord): string[] {
  const { id, company, session, uploader, mimeType, sizeBytes, createdAt, name } = file;
  return [String(id), company, session, uploader, mimeType, String(sizeBytes), new Date(createdAt).toISOString(), name];
}

function wireFile(file: FileRecord) {
  return {
    id: file.id,
    company_id: file.company,
    session_id: file.session,
    uploader: file.uploader,
    name: file.name,
    mime_type: file.mimeType,
    size: file.sizeBytes,
    sha256: file.sha256,
    created_at: new Date(file.createdAt).toISOString(),
    storage_key: file.storageKey,
  };
}
