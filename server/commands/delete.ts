/** `chatdrop delete company|session|visitor`: all that is theirs, with a receipt; first it says what that is. */

import { OPERATOR } from '../rules/actor.ts';
import { isScopeId } from '../rules/participant.ts';
import type { ScopeRequest } from '../sharing/delete-scope.ts';
import { presentDeletions } from '../sharing/present-deletion.ts';
import { type Command, type Context, readArguments, UsageError } from './command.ts';
import { withTools } from './with-tools.ts';

const HOW = `  Without --yes it says what would go, and deletes nothing (exit code 1). Works beside a running server.
  What arrives after the request stays. Where the store is away the server goes on with it: "chatdrop
  deletions" says when nothing is left (exit code 1 until then).
`;

export const deleteCompany: Command = {
  summary: 'delete a company with everything in it',
  help: `chatdrop delete company COMPANY [--yes]

  Deletes every file, session and unfinished upload of a company, and what is known of its people.
${HOW}`,
  run: (args, context) => run(args, context, 'company', ([company = '']) => ({ kind: 'company', company }), 1),
};

export const deleteSession: Command = {
  summary: 'delete a session with everything in it',
  help: `chatdrop delete session COMPANY SESSION [--yes]

  Deletes every file and unfinished upload of a session, of both sides.
${HOW}`,
  run: (args, context) =>
    run(args, context, 'session', ([company = '', session = '']) => ({ kind: 'session', company, session }), 2),
};

export const deleteVisitor: Command = {
  summary: 'delete what the visitor of a session sent',
  help: `chatdrop delete visitor COMPANY SESSION [--yes]

  Deletes every file and unfinished upload that the visitor of a session sent; what the agents sent stays.
${HOW}`,
  run: (args, context) =>
    run(args, context, 'visitor', ([company = '', session = '']) => ({ kind: 'visitor', company, session }), 2),
};

async function run(
  args: string[],
  { print, config }: Context,
  kind: ScopeRequest['kind'],
  scopeOf: (words: string[]) => ScopeRequest,
  wordCount: number,
): Promise<number> {
  const { flags, words } = readArguments(args, { yes: { type: 'boolean' } }, true);
  if (words.length !== wordCount || !words.every(isScopeId))
    throw new UsageError(`Name the ${wordCount === 1 ? 'company' : 'company and the session'}: see the help.`);
  const scope = scopeOf(words);
  return withTools(config(), { alone: false }, async ({ deleteScope, confirmDeletion, deletions, sizeOf }) => {
    const { files, bytes, uploads } = await sizeOf(scope);
    const what = `${files} files (${bytes} bytes) and ${uploads} unfinished uploads of ${kind} ${words.join('/')}`;
    if (flags.yes !== true) {
      print(`${what} would be deleted. Nothing was changed: add --yes.\n`);
      return 1;
    }
    const requested = await deleteScope.request(scope, OPERATOR, OWN_WORK_MS);
    if (requested === null) {
      print(`There is nothing of ${kind} ${words.join('/')}.\n`);
      return 1;
    }
    print(`Deleting ${what} …\n`);
    const removed = await deleteScope.removeRows(requested);
    let before = Number.POSITIVE_INFINITY;
    while (!(await confirmDeletion(removed))) {
      // What does not get less has failed, or waits for a time: the server's chore has it then.
      const left = (await deletions.leftOver([removed.id])).get(removed.id)?.objects ?? 0;
      if (left === 0 || left >= before) break;
      before = left;
    }
    const deletion = (await deletions.find(removed.id)) ?? removed;
    const [receipt] = await presentDeletions(deletions, [deletion]);
    print(`Deletion ${deletion.id}: ${deletion.files} files (${deletion.bytes} bytes), ${deletion.uploads} uploads. `);
    if (deletion.completedAt !== null) print('Nothing is left.\n');
    else print(`${receipt?.objects_left} objects and ${receipt?.uploads_left} uploads are left: chatdrop deletions\n`);
    return deletion.completedAt === null ? 1 : 0;
  });
}

/** The chore leaves it to the command for that long; a large company's objects may take longer, and twice does no harm. */
const OWN_WORK_MS = 60_000;
