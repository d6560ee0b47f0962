/** `chatdrop migrate`: the tables up to date, or the newest batch of changes taken back. */
import { migrateDatabase } from '../compose/tools.ts';
import { type Command, readArguments } from './command.ts';

export const migrate: Command = {
  summary: 'bring the database up to date, or take the newest batch back (--down)',
  help: `chatdrop migrate [--down]

  Brings the database up to date; "serve" does it by itself. --down takes the newest batch of changes
  back. No server may run meanwhile.
`,
  async run(args, { print, config }) {
    const { flags } = readArguments(args, { down: { type: 'boolean' } });
    const direction = flags.down === true ? 'down' : 'up';
    const names = await migrateDatabase(config(), direction);
    print(names.length === 0 ? 'Nothing to do.\n' : `${names.map((name) => `${direction} ${name}`).join('\n')}\n`);
    return 0;
  },
};
