/** Who does something, and from where: as the audit keeps it. */
import type { Participant } from './participant.ts';

/** `link`: whoever holds a signed link. `operator`: the command line or the admin API. `server`: a chore of its own. */
export type ActorRole = 'user' | 'agent' | 'link' | 'operator' | 'server';

/** Null where there is no request, or it does not say. */
export type Client = { address: string | null; userAgent: string | null };

export type Actor = Client & { role: ActorRole; subject: string | null };

/** Enough to tell a phone from a program; what comes behind is versions of parts. */
const MAX_USER_AGENT_CHARACTERS = 160;
const NOWHERE: Client = { address: null, userAgent: null };

export const OPERATOR: Actor = { role: 'operator', subject: null, ...NOWHERE };
export const SERVER: Actor = { role: 'server', subject: null, ...NOWHERE };

export function actorOf({ role, subject }: Pick<Participant, 'role' | 'subject'>, client: Client): Actor {
  return { role, subject, ...client };
}

export function linkHolder(client: Client): Actor {
  return { role: 'link', subject: null, ...client };
}

/** @param userAgent the header as it came */
export function clientAt(address: string | undefined, userAgent: string | undefined): Client {
  // Control characters would not get through HTTP; a database of another kind may still refuse what is no text.
  const shown = userAgent?.slice(0, MAX_USER_AGENT_CHARACTERS).toWellFormed().replaceAll('\0', '');
  return { address: address || null, userAgent: shown || null };
}
