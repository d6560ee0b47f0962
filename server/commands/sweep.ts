/** `chatdrop sweep`: what the server's chores do, once. */
import { isServerRunning } from '../compose/tools.ts';
import { type Command, readArguments } from './command.ts';
import { withTools } from './with-tools.ts';

export const sweep: Command = {
  summary: 'expire, finish and delete what is due, once; for when no server runs',
  help: `chatdrop sweep

  Once, to the end: uploads whose bytes are all there become files, expired uploads end, files older than
  RETENTION go, bytes of ended uploads and of removed files are deleted, deletions that were asked for
  are brought to their end, old rows are forgotten. A running server does all this by itself (expiry every
  minute, orphans every hour), so beside one nothing is done, with exit code 0.
  Objects that no file knows are found by "chatdrop files verify". What stays owed: "chatdrop jobs".
`,
  async run(args, { print, config }) {
    readArguments(args, {});
    const settings = config();
    if (isServerRunning(settings)) {
      print(`A server is running on ${settings.dataDir}: it sweeps by itself. Nothing was done.\n`);
      return 0;
    }
    return withTools(settings, { alone: true }, async ({ sweepOnce, jobs, now }) => {
      const { complete, tooOld, expired, orphans, deleted, forgotten } = await sweepOnce();
      print(`${complete} complete uploads finished, ${expired} expired, ${orphans} orphaned uploads’ bytes deleted, `);
      print(`${tooOld} files too old, ${deleted} removed objects deleted, ${forgotten} old rows forgotten.\n`);
      const owed = Object.values(await jobs.count(now())).reduce((sum, count) => sum + count, 0);
      if (owed > 0) print(`${owed} jobs are still owed. See: chatdrop jobs\n`);
      return owed > 0 ? 1 : 0;
    });
  },
};
