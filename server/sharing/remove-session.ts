/** Deletes a session for its agent, who waits for it: its rows are gone with the answer, its bytes as soon as the store lets them. */
import { type Actor, SERVER } from '../rules/actor.ts';
import type { ConfirmDeletion } from './confirm-deletion.ts';
import type { DeleteScope } from './delete-scope.ts';
import { waitBriefly } from './wait-briefly.ts';

type Needs = { deleteScope: Pick<DeleteScope, 'request' | 'removeRows'>; confirmDeletion: ConfirmDeletion };

/** Should this process die, the chore goes on after that long. */
const OWN_WORK_MS = 30_000;

/** `by`: the server itself, if left out. @returns false when nothing of the session was there. */
export type RemoveSession = (company: string, session: string, by?: Actor) => Promise<boolean>;

export function createRemoveSession({ deleteScope, confirmDeletion }: Needs): RemoveSession {
  return async (company, session, by = SERVER) => {
    const deletion = await deleteScope.request({ kind: 'session', company, session }, by, OWN_WORK_MS);
    if (deletion === null) return false;
    await waitBriefly(confirmDeletion(await deleteScope.removeRows(deletion)));
    return true;
  };
}
