/** `chatdrop company set`: gives a company limits of its own. */
import { OPERATOR } from '../rules/actor.ts';
import { type Command, readArguments } from './command.ts';
import { readCompany, readPolicyWords } from './company/policy-words.ts';
import { policyTable } from './company/print-policy.ts';
import { withTools } from './with-tools.ts';

export const companySet: Command = {
  summary: 'give a company limits of its own: company set acme max_file_size=50MB',
  help: `chatdrop company set COMPANY FIELD=VALUE …

  Sets fields of a company's policy. A running server has them within a second or two, on every node. What
  is not set is as in the settings. "none" is no bound, where there may be none.

  allowed_types_user, allowed_types_agent            image/*, application/pdf
  max_file_size, max_pending_size                    50MB
  uploads_per_minute, max_pending_uploads, max_files 20
  bytes_per_day, quota                               100GB, or none
  compress_images                                    2560 (pixels), or none
  retention_user_seconds, retention_agent_seconds    90d, or none
  strip_metadata, scan_required, refuse_encrypted    true, false
  server_keys                                        true, false
  allowed_origins                                    https://example.com, https://app.example.com
  jwks_url                                           https://example.com/.well-known/jwks.json
  jwt_issuer, jwt_audience                           a text, or none
`,
  async run(args, { print, config }) {
    const { words } = readArguments(args, {}, true);
    const company = readCompany(words[0]);
    const fields = readPolicyWords(words.slice(1));
    return withTools(config(), { alone: false }, async ({ companies }) => {
      print(policyTable(await companies.set(company, fields, OPERATOR)));
      return 0;
    });
  },
};
