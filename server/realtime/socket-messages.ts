/** What a client may say over Socket.IO. Every message is answered: by its acknowledgement or by an `error` event. */
import type { Socket } from 'socket.io';
import type * as z from 'zod';
import type { ErrorEvent } from '../contract/events.ts';
import { Failure } from '../rules/failure.ts';
import { chooseSession } from '../rules/participant.ts';
import { createAnswerListRequest } from './list-requests.ts';
import { followSchema, joinSchema, leaveSchema, listSchema } from './message-schemas.ts';
import type { Connection } from './socket-connection.ts';

/** Turns what was thrown into the event that tells it. */
export type ToErrorEvent = (error: unknown) => ErrorEvent;

export function answerMessages(socket: Socket, connection: Connection, toErrorEvent: ToErrorEvent): void {
  // One listener for all messages: there are ten thousand sockets, and most say one thing in their life.
  socket.onAny((name: string, ...args: unknown[]) => {
    const message = MESSAGES.get(name);
    if (message === undefined) return;
    const last = args.at(-1);
    const reply = typeof last === 'function' ? (last as (answer: unknown) => void) : null;
    message(connection, args[0] === last && reply !== null ? undefined : args[0], name).then(
      (result) => reply?.(result),
      (error: unknown) => {
        const event = toErrorEvent(error);
        if (reply === null) connection.send(event);
        else reply({ error: event });
      },
    );
  });
}

type Message = (connection: Connection, said: unknown, name: string) => Promise<unknown>;

function message<T>(schema: z.ZodType<T>, work: (connection: Connection, said: T) => Promise<unknown>): Message {
  return async (connection, said, name) => {
    const read = schema.safeParse(said);
    if (!read.success) throw new Failure('invalid-request', `The message ${name} is not valid.`);
    return work(connection, read.data);
  };
}

const MESSAGES = new Map<string, Message>([
  ['request_file_list', message(listSchema, (connection, said) => createAnswerListRequest(connection, null)(said))],
  [
    'join',
    message(joinSchema, async (connection, { session_id, after }) =>
      connection.follow(chooseSession(connection.caller, { session: session_id }), after),
    ),
  ],
  ['leave', message(leaveSchema, async (connection, { session_id }) => ({ left: await connection.leave(session_id) }))],
  ['follow', message(followSchema, async (connection, said) => connection.followCompany(said?.after))],
]);
