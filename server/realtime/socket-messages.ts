/** What a client may say over Socket.IO. Every message is answered: by its acknowledgement or by an `error` event. */
import type { Socket } from 'socket.io';
import { z } from 'zod';
import type { ErrorEvent, Join, Leave, RequestFileList } from '../contract/events.ts';
import { Failure } from '../rules/failure.ts';
import { checkCompany, chooseSession, isScopeId } from '../rules/participant.ts';
import type { Connection } from './socket-connection.ts';
import { afterSchema } from './socket-handshake.ts';

/** Messages a client may send in ten seconds. */
const MAX_MESSAGES = 200;
const WINDOW_MS = 10_000;

const scopeId = z.string().refine(isScopeId);
const joinSchema: z.ZodType<Join> = z.object({ session_id: scopeId, after: afterSchema });
const leaveSchema: z.ZodType<Leave> = z.object({ session_id: scopeId });
const followSchema = z.object({ after: afterSchema }).nullish();
const listSchema: z.ZodType<RequestFileList | null | undefined> = z
  .object({ session_id: scopeId.optional(), company_id: z.string().optional(), cursor: z.string().max(100).optional() })
  .nullish();

/** Turns what was thrown into the event that tells it. */
export type ToErrorEvent = (error: unknown) => ErrorEvent;

export function answerMessages(socket: Socket, connection: Connection, toErrorEvent: ToErrorEvent): void {
  const { caller, listener } = connection;
  let listing: Promise<unknown> = Promise.resolve();
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
  on('request_file_list', listSchema, async (message) => {
    checkCompany(caller, message?.company_id);
    const session = chooseSession(caller, message?.session_id === undefined ? {} : { session: message.session_id });
    // One after the other, each when there is room: a client that asks a hundred times and reads nothing gets one.
    const list = listing.then(async () => {
      if (connection.isFull()) await listener.drained();
      const event = await connection.fileList(session, message?.cursor);
      listener.send(event);
      return event;
    });
    listing = list.catch(() => {});
    return list;
  });
  on('join', joinSchema, async ({ session_id, after }) =>
    connection.follow(chooseSession(caller, { session: session_id }), after),
  );
  on('leave', leaveSchema, async ({ session_id }) => ({ left: connection.leave(session_id) }));
  on('follow', followSchema, async (message) => connection.followCompany(message?.after));
}

/** A client that talks too much, or talks without listening, is let go: its answers would pile up here. */
export function limitMessages(socket: Socket, connection: Connection): void {
  let left = MAX_MESSAGES;
  const refill = setInterval(() => {
    left = MAX_MESSAGES;
  }, WINDOW_MS);
  socket.on('disconnect', () => clearInterval(refill));
  socket.use((_packet, next) => {
    left -= 1;
    if (left >= 0 && !connection.isFull()) next();
    else socket.disconnect(true);
  });
}
