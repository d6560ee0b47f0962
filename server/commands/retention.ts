/** `chatdrop retention`: removes what is older than it may be, now, or only says what that is. */
import type { Overdue } from '../sharing/retire-files.ts';
import { type Command, readArguments } from './command.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

export const retention: Command = {
  summary: 'remove files that are older than RETENTION, or list what would go',
  help: `chatdrop retention [--dry-run] [--json]

  Removes every file that is older than RETENTION, once, with the event to whoever is in its chat. A
  running server does this by itself, every ten minutes. Works beside it. Receipts: "chatdrop deletions".

  --dry-run   changes nothing, and lists how many files and bytes of which companies would go
  --json      with --dry-run: for programs
`,
  async run(args, { print, config }) {
    const { flags } = readArguments(args, { 'dry-run': { type: 'boolean' }, json: { type: 'boolean' } });
    return withTools(config(), { alone: false }, async ({ retireFiles, deleteScope }) => {
      if (flags['dry-run'] !== true) {
        let removed = 0;
        for (let page = 1; page > 0; removed += page) page = await retireFiles.run();
        if (removed > 0) await deleteScope.work();
        print(flags.json === true ? `${JSON.stringify({ files: removed })}\n` : `${removed} files removed.\n`);
        return 0;
      }
      const companies: Overdue[] = [];
      for await (const overdue of retireFiles.preview()) companies.push(overdue);
      const files = companies.reduce((sum, company) => sum + company.files, 0);
      const bytes = companies.reduce((sum, company) => sum + company.bytes, 0);
      if (flags.json === true) {
        const wire = companies.map(({ company, ...rest }) => ({ company_id: company, ...rest }));
        print(`${JSON.stringify({ files, bytes, companies: wire }, null, 2)}\n`);
        return 0;
      }
      const rows = companies.map(({ company, ...rest }) => [company, String(rest.files), String(rest.bytes)]);
      if (rows.length > 0) print(table(['COMPANY', 'FILES', 'BYTES'], rows));
      print(`${files} files (${bytes} bytes) would be removed. Nothing was changed.\n`);
      return 0;
    });
  },
};
