/** One client of the plain WebSocket: greeted, told what happens in its session, and answered. */

import type { RawData, WebSocket } from 'ws';
import type * as z from 'zod';
import type { ErrorEvent } from '../contract/events.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import type { KeyWatch } from './end-with-key.ts';
import { endWithToken } from './end-with-token.ts';
import type { HandshakeRequest } from './handshake-request.ts';
import { createAnswerListRequest } from './list-requests.ts';
import { createMessageBudget } from './message-budget.ts';
import { plainFrame } from './message-schemas.ts';
import type { PlainEntrance } from './plain-handshake.ts';
import { PlainWire } from './plain-wire.ts';
import { type ConnectionNeeds, createConnection } from './socket-connection.ts';
import { errorEvent, keyRemoved, toFailure, tokenExpired } from './socket-fault.ts';

export type PlainNeeds = ConnectionNeeds & {
  keyWatch: Pick<KeyWatch, 'watch'>;
  /** Something failed that is no client's fault. */
  onFault(error: unknown): void;
  /** The client asked for what is not theirs. */
  onRefused(failure: Failure, request: HandshakeRequest, caller: Participant): void;
  now(): number;
};

/** Why a connection was closed. RFC 6455 section 7.4; 4000 and above are an application's own: 4401 as in HTTP's 401, 4429 as in 429. */
export const CLOSE_CODES = {
  binary: 1003,
  policy: 1008,
  fault: 1011,
  restart: 1012,
  tokenExpired: 4401,
  tooMany: 4429,
} as const;

export async function servePlain(
  needs: PlainNeeds,
  socket: WebSocket,
  request: HandshakeRequest,
  entrance: PlainEntrance,
): Promise<void> {
  const { caller, session, after } = entrance;
  const connection = createConnection(needs, new PlainWire(socket), caller);
  const take = createMessageBudget();
  const answerListRequest = createAnswerListRequest(connection, session);
  const tell = (error: unknown) => {
    const failure = toFailure(needs.onFault, error);
    needs.onRefused(failure, request, caller);
    connection.send(errorEvent(failure));
  };
  const endWith = (last: ErrorEvent) => {
    connection.send(last);
    socket.close(CLOSE_CODES.tokenExpired, 'token-expired');
  };
  const callOff = endWithToken(needs.now, caller.expiresAt, () => endWith(tokenExpired()));
  const unwatch = needs.keyWatch.watch(caller, () => endWith(keyRemoved()));
  const letGoUnless = (mayGoOn: boolean) => {
    if (!mayGoOn) socket.close(CLOSE_CODES.policy, 'too many messages');
    return mayGoOn;
  };
  socket.on('close', () => {
    callOff();
    unwatch();
    connection.close();
  });
  const takeAnswered = () => letGoUnless(take() && !connection.isFull());
  // A pong is not answered: who is slow to read sends these too.
  socket.on('ping', takeAnswered).on('pong', () => letGoUnless(take()));
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.close(CLOSE_CODES.binary, 'text frames only');
    if (takeAnswered()) answer(data, answerListRequest).catch(tell);
  });
  try {
    if (session === null) await connection.followCompany(after);
    else await connection.follow(session, after);
  } catch (error) {
    tell(error);
    socket.close(CLOSE_CODES.fault, 'try again');
  }
}

/** Milliseconds in which a client that has no place may take its refusal. */
const MAX_GOODBYE_MS = 1000;

/** By a close code, not by an HTTP answer: a page learns nothing of a handshake that is refused, and would try on and on. */
export function refusePlain(socket: WebSocket, failure: Failure): void {
  socket.send(JSON.stringify(errorEvent(failure)), () => {});
  socket.close(CLOSE_CODES.tooMany, failure.code);
  const timer = setTimeout(() => socket.terminate(), MAX_GOODBYE_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** @throws {Failure} `invalid-request` for everything that is no message of ours */
async function answer(data: RawData, answerListRequest: ReturnType<typeof createAnswerListRequest>): Promise<void> {
  const { type: _, ...message } = parse(data);
  await answerListRequest(message);
}

function parse(data: RawData): z.infer<typeof plainFrame> {
  let json: unknown;
  try {
    json = JSON.parse(String(data));
  } catch {
    json = undefined;
  }
  const said = plainFrame.safeParse(json);
  if (said.success) return said.data;
  throw new Failure(
    'invalid-request',
    'Send JSON: {"type": "request_file_list"}, with session_id or cursor if you like. No other message is understood.',
  );
}
