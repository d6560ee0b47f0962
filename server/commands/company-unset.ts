/** `chatdrop company unset`: fields of a company are as in the settings again. */
import { OPERATOR } from '../rules/actor.ts';
import { type Command, readArguments } from './command.ts';
import { readCompany, readPolicyNames } from './company/policy-words.ts';
import { policyTable } from './company/print-policy.ts';
import { withTools } from './with-tools.ts';

export const companyUnset: Command = {
  summary: 'take fields of a company back to the settings',
  help: `chatdrop company unset COMPANY FIELD …

  These fields are as in the settings again. Works beside a running server, as "company set" does.
`,
  async run(args, { print, config }) {
    const { words } = readArguments(args, {}, true);
    const company = readCompany(words[0]);
    const names = readPolicyNames(words.slice(1));
    return withTools(config(), { alone: false }, async ({ companies }) => {
      print(policyTable(await companies.unset(company, names, OPERATOR)));
      return 0;
    });
  },
};
