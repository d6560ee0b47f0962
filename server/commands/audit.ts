/** `chatdrop audit`: who did what to which file, when and from where. */
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry } from '../database/audit-table.ts';
import { isScopeId } from '../rules/participant.ts';
import { type Command, type Flags, readArguments, textFlag, UsageError } from './command.ts';
import { readLimit } from './read-limit.ts';
import { table } from './table.ts';
import { withTools } from './with-tools.ts';

export const audit: Command = {
  summary: 'list who did what to which file, when and from where',
  help: `chatdrop audit [--company ID] [--session ID] [--action WORD] [--since TIME] [--until TIME]
               [--limit 100] [--json]

  Lists the audit, the newest entry first. Works beside a running server.

  --action   ${AUDIT_ACTIONS.slice(0, 5).join(', ')},
             ${AUDIT_ACTIONS.slice(5, 11).join(', ')},
             ${AUDIT_ACTIONS.slice(11, 15).join(', ')},
             ${AUDIT_ACTIONS.slice(15, 18).join(', ')},
             ${AUDIT_ACTIONS.slice(18).join(', ')}
  --since    from this time on, as 2026-11-27 or 2026-11-27T12:00:00Z; --until: before it
  --json     one JSON object a line
`,
  async run(args, { print, note, config }) {
    const { flags } = readArguments(args, {
      company: { type: 'string' },
      session: { type: 'string' },
      action: { type: 'string' },
      since: { type: 'string' },
      until: { type: 'string' },
      limit: { type: 'string', default: '100' },
      json: { type: 'boolean' },
    });
    const filter = {
      company: readScope(flags, 'company'),
      session: readScope(flags, 'session'),
      action: readAction(flags),
      sinceMs: readTime(flags, 'since'),
      untilMs: readTime(flags, 'until'),
    };
    const limit = readLimit(flags);
    return withTools(config(), { alone: false }, async ({ audit: entries, presentAuditEntry }) => {
      const page = await entries.list(filter, { order: 'newest', beyondId: null, limit: limit + 1 });
      const shown = page.slice(0, limit);
      if (flags.json === true) for (const entry of shown) print(`${JSON.stringify(presentAuditEntry(entry))}\n`);
      else print(shown.length === 0 ? 'There is no such entry.\n' : table(HEADS, shown.map(rowOf)));
      if (page.length > limit) note('There are more. Name a --until, or a greater --limit.\n');
      return 0;
    });
  },
};

const HEADS = ['AT', 'COMPANY', 'SESSION', 'WHO', 'ACTION', 'FILE', 'NAME', 'ADDRESS', 'DETAIL'];

function rowOf({ at, company, session, role, subject, action, fileId, name, address, detail }: AuditEntry): string[] {
  const who = subject === null ? role : `${role} ${subject}`;
  const more = Object.entries(detail).map(([key, value]) => `${key}=${value}`);
  const file = fileId === null ? '' : String(fileId);
  return [
    new Date(at).toISOString(),
    company,
    session ?? '',
    who,
    action,
    file,
    name ?? '',
    address ?? '',
    more.join(' '),
  ];
}

function readScope(flags: Flags, name: string): string | undefined {
  const value = textFlag(flags, name);
  if (value !== undefined && !isScopeId(value))
    throw new UsageError(`--${name} must be 1 to 64 letters, digits, “_” or “-”.`);
  return value;
}

function readAction(flags: Flags): AuditAction | undefined {
  const value = textFlag(flags, 'action');
  const action = AUDIT_ACTIONS.find((known) => known === value);
  if (value !== undefined && action === undefined)
    throw new UsageError(`--action is one of ${AUDIT_ACTIONS.join(', ')}.`);
  return action;
}

function readTime(flags: Flags, name: string): number | undefined {
  const value = textFlag(flags, name);
  if (value === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new UsageError(`--${name} is a day or a time with its zone: 2026-11-27T12:00:00Z.`);
  return ms;
}
