/** What a client may say over Socket.IO. Every message is answered: by its acknowledgement or by an `error` event. */
import type { Socket } from 'socket.io';
import type { z } from 'zod';
import type { ErrorEvent } from '../contract/events.ts';
import { Failure } from '../rules/failure.ts';
import { chooseSession } from '../rules/participant.ts';
import { createAnswerListRequest } from './list-requests.ts';
import { followSchema, joinSchema, leaveSchema, listSchema } from './message-schemas.ts';
import type { Connection } from './socket-connection.ts';

/** Turns what was thrown into the event that tells it. */
export type ToErrorEvent = (error: unknown) => ErrorEvent;

export function answerMessages(socket: Socket, connection: Connection, toErrorEvent: ToErrorEvent): void {
  const { caller, listener } = connection;
  const on = <T>(name: string, schema: z.ZodType<T>, work: (message: T) => Promise<unknown>) => {
    socket.on(name, (...args: unknown[]) => {
      const last = args.at(-1);
      const reply = typeof last === 'function' ? (last as (answer: unknown) => void) : null;
      const said = schema.safeParse(args[0] === last && reply !== null ? undefined : args[0]);
      const answer = said.success
        ? work(said.data)
        : Promise.reject(new Failure('invalid-request', `The message ${name} is not valid.`));
      answer.then(
        (result) => reply?.(result),
        (error: unknown) => {
          const event = toErrorEvent(error);
          if (reply === null) listener.send(event);
          else reply({ error: event });
        },
      );
    });
  };
  on('request_file_list', listSchema, createAnswerListRequest(connection, null));
  on('join', joinSchema, async ({ session_id, after }) =>
    connection.follow(chooseSession(caller, { session: session_id }), after),
  );
  on('leave', leaveSchema, async ({ session_id }) => ({ left: await connection.leave(session_id) }));
  on('follow', followSchema, async (message) => connection.followCompany(message?.after));
}
