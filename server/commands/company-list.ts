/** `chatdrop company list`: every company that holds files or has something of its own. */
import { type Command, readArguments, textFlag } from './command.ts';
import { readLimit } from './read-limit.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

export const companyList: Command = {
  summary: 'list companies: what they hold, and which have a policy or keys',
  help: `chatdrop company list [--after ID] [--limit 100] [--json]

  Lists every company that holds or held files, or has a policy or keys, by name. Works beside a running
  server. VERSION 0 is a company that has nothing of its own.

  --after    only companies after this one: the last one listed, for the next page
  --json     one JSON object a line
`,
  async run(args, { print, note, config }) {
    const { flags } = readArguments(args, {
      after: { type: 'string', default: '' },
      limit: { type: 'string', default: '100' },
      json: { type: 'boolean' },
    });
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async ({ companies }) => {
      const listed = await companies.list(textFlag(flags, 'after') ?? '', limit + 1);
      const shown = listed.slice(0, limit);
      if (flags.json === true)
        for (const { company, ...held } of shown) print(`${JSON.stringify({ company_id: company, ...held })}\n`);
      else {
        const rows = shown.map(({ company, bytes, version, keys }) => [company, `${bytes}`, `${version}`, `${keys}`]);
        print(table(['COMPANY', 'BYTES', 'VERSION', 'KEYS'], rows));
      }
      if (listed.length > limit) note(`There are more. Go on with: --after ${shown.at(-1)?.company}\n`);
      return 0;
    });
  },
};
