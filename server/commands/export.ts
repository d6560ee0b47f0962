/** `chatdrop export session|visitor`: all that is theirs, as one zip. */
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Uploader } from '../contract/chat-file.ts';
import { isScopeId } from '../rules/participant.ts';
import { type Command, type Context, readArguments, UsageError } from './command.ts';
import { withTools } from './with-tools.ts';

const HOW = `  The rows are in manifest.json, and so is what was removed while it was made. Works beside a running
  server. A file that is there already is not overwritten.
`;

export const exportSession: Command = {
  summary: 'write all that a session has into one zip',
  help: `chatdrop export session COMPANY SESSION FILE

  Writes every file of a session, of both sides, into one zip.
${HOW}`,
  run: (args, context) => run(args, context, null),
};

export const exportVisitor: Command = {
  summary: 'write all that the visitor of a session sent into one zip',
  help: `chatdrop export visitor COMPANY SESSION FILE

  Writes every file that the visitor of a session sent into one zip.
${HOW}`,
  run: (args, context) => run(args, context, 'user'),
};

async function run(args: string[], { print, config }: Context, uploader: Uploader | null): Promise<number> {
  const { words } = readArguments(args, {}, true);
  const [company, session, file = ''] = words;
  if (words.length !== 3 || !isScopeId(company) || !isScopeId(session) || file === '')
    throw new UsageError('Name the company, the session and the file to write.');
  return withTools(config(), { alone: false }, async ({ archiveFiles }) => {
    // Only its owner reads what users sent; taken first, so that two never write the same.
    await (await open(file, 'wx', 0o600)).close();
    const partial = `${file}.partial`;
    try {
      const archive = archiveFiles({ company, session, uploader, kind: 'manifest' });
      await pipeline(archive, createWriteStream(partial, { mode: 0o600, flush: true }));
      await rename(partial, file);
    } catch (error) {
      for (const path of [partial, file]) await rm(path, { force: true });
      throw error;
    }
    print(`Written to ${file}\n`);
    return 0;
  });
}
