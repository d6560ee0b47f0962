/** `chatdrop token`: a token for a try, signed with the server's key. */
import { developmentSecret } from '../auth/development-secret.ts';
import { signToken, type TokenClaims } from '../auth/sign-token.ts';
import { noteInAudit } from '../compose/tools.ts';
import type { Config } from '../config.ts';
import { readDuration } from '../config-values.ts';
import { auditEntry } from '../database/audit-table.ts';
import { OPERATOR } from '../rules/actor.ts';
import { isScopeId, isSubject } from '../rules/participant.ts';
import { type Command, readArguments, textFlag, UsageError } from './command.ts';

export const token: Command = {
  summary: 'print a token signed with JWT_SECRET, or in development mode',
  help: `chatdrop token --company ID --role user --session ID [--sub ID] [--expires 1h]
chatdrop token --company ID --role agent --sub ID [--session ID] [--expires 1h]

  Prints a token signed with JWT_SECRET, or with the key of development mode under DATA_DIR.

  --company    the tenant: 1 to 64 letters, digits, "_" or "-"
  --role       user (a visitor, bound to one session) or agent
  --session    the chat; an agent without it reaches every session of the company
  --sub        who it is; needed for an agent
  --expires    30m, 1h, 7d …; one hour if left out
`,
  async run(args, { print, note, config }) {
    const { flags } = readArguments(args, {
      company: { type: 'string' },
      role: { type: 'string' },
      session: { type: 'string' },
      sub: { type: 'string' },
      expires: { type: 'string', default: '1h' },
    });
    const settings = config();
    const { company, role, sub, expires } = flags;
    const session = textFlag(flags, 'session');
    if (!isScopeId(company)) throw new UsageError('--company must be 1 to 64 letters, digits, “_” or “-”.');
    if (role !== 'user' && role !== 'agent') throw new UsageError('--role must be user or agent.');
    if (session !== undefined && !isScopeId(session))
      throw new UsageError('--session must be 1 to 64 letters, digits, “_” or “-”.');
    if (role === 'user' && session === undefined)
      throw new UsageError('A user token is bound to a session: give --session.');
    if (sub !== undefined && !isSubject(sub)) throw new UsageError('--sub must have 1 to 255 characters.');
    if (role === 'agent' && sub === undefined) throw new UsageError('An agent token needs --sub, who the agent is.');
    const secret = settings.development ? developmentSecret(settings.dataDir) : settings.jwtSecret;
    if (secret === undefined)
      throw new Error(
        'Only public keys are set (JWT_PUBLIC_KEY or JWT_JWKS_URL), and they cannot sign. ' +
          'Get the token from whoever holds the private key, or set JWT_SECRET beside them.',
      );
    const rules = { secret, issuer: settings.jwtIssuer, audience: settings.jwtAudience };
    const claims: TokenClaims = { company, role, session, subject: textFlag(flags, 'sub') };
    const lifetimeSeconds = readLifetime(String(expires));
    await tell(settings, claims, lifetimeSeconds, note);
    print(`${await signToken(rules, claims, lifetimeSeconds)}\n`);
    return 0;
  },
};

/** In the audit first: a token that nobody knows of is worse than an entry for one that was not printed. */
async function tell(config: Config, claims: TokenClaims, lifetimeSeconds: number, note: (text: string) => void) {
  const { company, role, session = null, subject } = claims;
  const detail = { for: role, expires_seconds: lifetimeSeconds, ...(subject === undefined ? {} : { sub: subject }) };
  const entry = auditEntry(OPERATOR, { action: 'token_minted', company, session, detail }, Date.now());
  await noteInAudit(config, entry).catch((error: Error) => note(`This token is not in the audit: ${error.message}.\n`));
}

function readLifetime(text: string): number {
  try {
    return readDuration(text);
  } catch {
    throw new UsageError('--expires must be a duration such as 30m, 1h or 7d.');
  }
}
