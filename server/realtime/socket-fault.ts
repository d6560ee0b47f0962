/** What was thrown over a socket → what its client is told. */
import type { ErrorEvent } from '../contract/events.ts';
import { databaseFailure } from '../database/database-failure.ts';
import { Failure } from '../rules/failure.ts';

/** `onFault` hears of what is no client's fault. */
export function toFailure(onFault: (error: unknown) => void, error: unknown): Failure {
  const failure = error instanceof Failure ? error : databaseFailure(error);
  if (failure !== null) return failure;
  onFault(error);
  return new Failure('server-error', undefined, { cause: error });
}

export function errorEvent({ code, message }: Failure): ErrorEvent {
  return { type: 'error', code, detail: message };
}

/** The last words on a connection whose token is over. */
export function tokenExpired(): ErrorEvent {
  return errorEvent(new Failure('token-expired', 'The token has expired. Connect with a new one.'));
}

/** The same where the key that signed it was taken away: to a client it is a token that is over. */
export function keyRemoved(): ErrorEvent {
  return errorEvent(new Failure('token-expired', 'The key of this token counts no more. Connect with a new token.'));
}
