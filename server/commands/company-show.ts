/** `chatdrop company show`: what holds for one company. */
import { shownPolicy } from '../rules/company-policy.ts';
import { type Command, readArguments } from './command.ts';
import { readCompany } from './company/policy-words.ts';
import { keyTable, policyTable } from './company/print-policy.ts';
import { withTools } from './with-tools.ts';

export const companyShow: Command = {
  summary: 'show what holds for a company, and its keys',
  help: `chatdrop company show COMPANY [--json]

  Shows every field of the policy, and whether it is the company's own or as in the settings; then its
  keys, without their secrets. Works beside a running server.

  --json     for programs
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(args, { json: { type: 'boolean' } }, true);
    const company = readCompany(words[0]);
    return withTools(config(), { alone: false }, async ({ companies }) => {
      const [policy, keys] = await Promise.all([companies.show(company), companies.keys(company)]);
      if (flags.json === true) {
        const { version, own, effective } = policy;
        const shown = { company_id: company, version, policy: own, effective: shownPolicy(effective), keys };
        print(`${JSON.stringify(shown, null, 2)}\n`);
        return 0;
      }
      print(policyTable(policy));
      if (keys.length > 0) print(`\n${keyTable(keys)}`);
      return 0;
    });
  },
};
