/** `chatdrop company keys`: the keys that sign for one company. */
import { readFileSync } from 'node:fs';
import type { Tools } from '../compose/tools.ts';
import { OPERATOR } from '../rules/actor.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';
import { readCompany } from './company/policy-words.ts';
import { keyTable } from './company/print-policy.ts';
import { withTools } from './with-tools.ts';

type Companies = Tools['companies'];

export const companyKeys: Command = {
  summary: 'list, add and remove the keys that sign for one company',
  help: `chatdrop company keys COMPANY
chatdrop company keys COMPANY add [--id ID] FILE
chatdrop company keys COMPANY remove ID

  Keys of a company sign for that company only; once it has one, the keys of the settings count for it no
  more (but see server_keys in "company set"). FILE holds a secret of at least 32 bytes (HS256), or one
  public key as PEM or JWK (RS256, ES256, EdDSA); /dev/stdin reads it from the input. To rotate: add the
  new key, sign with it, remove the old one. A key that is removed counts no more within a second or two,
  and sockets that it let in end. Secrets are never shown.

  --id       its name; that of a JWK, or one made of its fingerprint, if left out
`,
  async run(args, { print, config }) {
    const { flags, words } = readArguments(args, { id: { type: 'string' } }, true);
    const [name, verb = 'list', what, ...more] = words;
    const company = readCompany(name);
    if (more.length > 0) throw new UsageError('There is a word too many.');
    const action = actionOf(verb, what, textFlag(flags, 'id'));
    return withTools(config(), { alone: false }, async ({ companies }) => {
      await action(companies, company);
      print(keyTable(await companies.keys(company)));
      return 0;
    });
  },
};

function actionOf(
  verb: string,
  what: string | undefined,
  id: string | undefined,
): (companies: Companies, company: string) => Promise<unknown> {
  if (verb === 'list' && what === undefined) return async () => {};
  if (verb === 'add' && what !== undefined) {
    const text = readFileSync(what, 'utf8');
    return (companies, company) => companies.addKey(company, text, id, OPERATOR);
  }
  if (verb === 'remove' && what !== undefined)
    return (companies, company) => companies.removeKey(company, what, OPERATOR);
  throw new UsageError('After the company comes nothing, “add FILE”, or “remove ID”.');
}
