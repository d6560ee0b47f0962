/** Socket.IO: the handshake, the sessions a socket follows, and the end of a socket with its token. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { Server, type Socket } from 'socket.io';
import { z } from 'zod';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { ErrorEvent, Join, Leave, RequestFileList, ServerEvent } from '../contract/events.ts';
import { problemOf } from '../contract/problem.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import { Failure } from '../rules/failure.ts';
import { checkCompany, chooseSession, isScopeId, type Participant, participantKey } from '../rules/participant.ts';
import { type ListFiles, MAX_PAGE_FILES } from '../sharing/list-files.ts';
import type { Listener, SessionFeed, Subscription } from './session-feed.ts';

type Needs = {
  authenticateToken: AuthenticateToken;
  feed: SessionFeed;
  ledger: Pick<EventLedger, 'lastSeq' | 'keepsAllAfter'>;
  listFiles: ListFiles;
  /** Whether a page of this origin may connect; `host` is what the request was sent to. */
  isAllowedOrigin(origin: string, host: string | undefined): boolean;
  isAllowedHost(host: string | undefined): boolean;
  /** Something failed that is no client's fault. */
  onFault(error: unknown): void;
  now(): number;
};

/** What one connection holds. */
type Connection = { socket: Socket; caller: Participant; listener: Listener; following: Map<string, Subscription> };
type Reply = (answer: unknown) => void;

/** Bytes of one message from a client. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** Messages that may wait for a slow client before the ledger has to wait for it. */
const MAX_WAITING_MESSAGES = 500;
/** Sessions that one socket may follow. */
const MAX_FOLLOWED = 1000;
/** Messages a client may send in ten seconds. */
const MAX_MESSAGES_IN_10_S = 200;
/** The longest delay setTimeout takes: 24.8 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** The key under which a whole company is followed; no session id can be it. */
const WHOLE_COMPANY = '*';

const after = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();
const scopeId = z.string().refine(isScopeId);
const handshakeSchema = z.object({
  token: z.string(),
  company_id: z.string().nullish(),
  session_id: z.string().nullish(),
  after: after.nullish(),
});
const joinSchema: z.ZodType<Join> = z.object({ session_id: scopeId, after });
const followSchema = z.object({ after }).nullish();
const leaveSchema: z.ZodType<Leave> = z.object({ session_id: scopeId });
const listSchema: z.ZodType<RequestFileList | null | undefined> = z
  .object({
    session_id: scopeId.optional(),
    company_id: z.string().optional(),
    cursor: z.string().max(100).optional(),
  })
  .nullish();

export type SocketServer = { close(): Promise<void> };

export function createSocketServer(http: HttpServer, needs: Needs): SocketServer {
  const io = new Server(http, {
    serveClient: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    // `cors` alone would not stop a WebSocket from a foreign page: browsers send those without a preflight.
    allowRequest: (request, answer) => answer(null, isAllowed(needs, request)),
    cors: { origin: (_origin, answer) => answer(null, true), credentials: true },
  });
  io.use((socket, next) => {
    enter(needs, socket).then(
      () => next(),
      (error: unknown) => next(connectError(needs, error)),
    );
  });
  io.on('connection', (socket) => {
    void serve(needs, socket);
  });
  return {
    close: async () => {
      io.disconnectSockets(true);
      await io.close();
    },
  };
}

function isAllowed(needs: Needs, { headers }: IncomingMessage): boolean {
  if (!needs.isAllowedHost(headers.host)) return false;
  return headers.origin === undefined || needs.isAllowedOrigin(headers.origin, headers.host);
}

async function enter(needs: Needs, socket: Socket): Promise<void> {
  const auth = handshakeSchema.safeParse(socket.handshake.auth);
  if (!auth.success) throw new Failure('unauthenticated', 'Connect with auth: {token}; after is a whole number.');
  const caller = await needs.authenticateToken(auth.data.token);
  checkCompany(caller, auth.data.company_id ?? undefined);
  const stated = auth.data.session_id ?? undefined;
  const session = stated === undefined ? caller.session : chooseSession(caller, { session: stated });
  socket.data = { caller, session, after: auth.data.after ?? undefined };
}

function connectError(needs: Needs, error: unknown): Error {
  const failure = toFailure(needs, error);
  return Object.assign(new Error(failure.message), { data: problemOf(failure.code, failure.message) });
}

async function serve(needs: Needs, socket: Socket): Promise<void> {
  const { caller, session, after } = socket.data as { caller: Participant; session: string | null; after?: number };
  const connection: Connection = { socket, caller, listener: listenerOf(socket, caller), following: new Map() };
  endWithToken(needs, connection);
  limitMessages(connection);
  answerMessages(needs, connection);
  socket.on('disconnect', () => {
    for (const subscription of connection.following.values()) subscription.close();
    connection.following.clear();
  });
  try {
    if (session !== null) await follow(needs, connection, session, after);
    else connection.listener.send(await established(needs, caller, null));
  } catch (error) {
    sendFault(needs, connection, error);
    socket.disconnect(true);
  }
}

function listenerOf(socket: Socket, caller: Participant): Listener {
  return {
    participant: participantKey(caller),
    send(event) {
      socket.emit(event.type, event);
      return waitingMessages(socket) < MAX_WAITING_MESSAGES;
    },
    drained: () =>
      new Promise((resolve) => {
        if (!socket.connected || waitingMessages(socket) === 0) return resolve();
        socket.conn.once('drain', resolve);
        socket.conn.once('close', resolve);
      }),
  };
}

/** Engine.IO documents `drain` but keeps the length of what waits to itself. */
function waitingMessages(socket: Socket): number {
  return (socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
}

function endWithToken({ now }: Needs, { socket, caller }: Connection): void {
  const timer = setTimeout(
    () => {
      socket.emit('error', {
        type: 'error',
        code: 'token-expired',
        detail: 'The token has expired. Connect with a new one.',
      });
      socket.disconnect(true);
    },
    Math.min(Math.max(caller.expiresAt - now(), 0), MAX_TIMEOUT_MS),
  );
  socket.on('disconnect', () => clearTimeout(timer));
}

function limitMessages({ socket }: Connection): void {
  let left = MAX_MESSAGES_IN_10_S;
  const refill = setInterval(() => {
    left = MAX_MESSAGES_IN_10_S;
  }, 10_000);
  socket.on('disconnect', () => clearInterval(refill));
  socket.use((_packet, next) => {
    left -= 1;
    if (left >= 0) next();
    else socket.disconnect(true);
  });
}

function answerMessages(needs: Needs, connection: Connection): void {
  const { socket, caller } = connection;
  const on = <T>(name: string, schema: z.ZodType<T>, work: (message: T) => Promise<unknown>) => {
    socket.on(name, (...args: unknown[]) => {
      const reply = args.at(-1);
      void answer(needs, connection, typeof reply === 'function' ? (reply as Reply) : null, async () => {
        const message = schema.safeParse(typeof args[0] === 'function' ? undefined : args[0]);
        if (!message.success) throw new Failure('invalid-request', `The message ${name} is not valid.`);
        return work(message.data);
      });
    });
  };
  on('request_file_list', listSchema, async (message) => {
    checkCompany(caller, message?.company_id);
    const list = await fileList(needs, caller, chooseSession(caller, { ...sessionOf(message) }), message?.cursor);
    connection.listener.send(list);
    return list;
  });
  on('join', joinSchema, async (message) =>
    follow(needs, connection, chooseSession(caller, { session: message.session_id }), message.after),
  );
  on('leave', leaveSchema, async (message) => {
    connection.following.get(message.session_id)?.close();
    return { left: connection.following.delete(message.session_id) };
  });
  on('follow', followSchema, async (message) => followCompany(needs, connection, message?.after));
}

function sessionOf(message: { session_id?: string | undefined } | null | undefined): { session?: string } {
  return message?.session_id === undefined ? {} : { session: message.session_id };
}

/** Every message is answered: by its acknowledgement where the client asked for one, otherwise by an `error` event. */
async function answer(
  needs: Needs,
  connection: Connection,
  reply: Reply | null,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    const result = await work();
    reply?.(result);
  } catch (error) {
    if (reply === null) sendFault(needs, connection, error);
    else reply({ error: faultOf(needs, error) });
  }
}

function faultOf(needs: Needs, error: unknown): ErrorEvent {
  const failure = toFailure(needs, error);
  return { type: 'error', code: failure.code, detail: failure.message };
}

function toFailure(needs: Needs, error: unknown): Failure {
  if (error instanceof Failure) return error;
  needs.onFault(error);
  return new Failure('server-error', undefined, { cause: error });
}

function sendFault(needs: Needs, { listener }: Connection, error: unknown): void {
  listener.send(faultOf(needs, error));
}

/** First the greeting, then what was missed, then what comes. Following twice is following once. */
async function follow(
  needs: Needs,
  connection: Connection,
  session: string,
  after: number | undefined,
): Promise<ServerEvent> {
  const { caller, following, listener } = connection;
  if (following.size >= MAX_FOLLOWED)
    throw new Failure('invalid-request', `A socket follows ${MAX_FOLLOWED} sessions at most.`);
  const greeting = await established(needs, caller, session);
  if (following.has(session) || following.has(WHOLE_COMPANY)) return greeting;
  await startAt(needs, connection, session, session, after, greeting, listener);
  return greeting;
}

/** Instead of the sessions that were joined: an event comes once on a connection. */
async function followCompany(needs: Needs, connection: Connection, after: number | undefined): Promise<ServerEvent> {
  const { caller, following, listener } = connection;
  if (caller.role !== 'agent' || caller.session !== null)
    throw new Failure('forbidden', 'This token is bound to one session.');
  const greeting = await established(needs, caller, null);
  if (following.has(WHOLE_COMPANY)) return greeting;
  for (const subscription of following.values()) subscription.close();
  following.clear();
  await startAt(needs, connection, WHOLE_COMPANY, null, after, greeting, listener);
  return greeting;
}

async function startAt(
  needs: Needs,
  { caller, following, socket }: Connection,
  key: string,
  session: string | null,
  after: number | undefined,
  greeting: ServerEvent & { seq: number },
  listener: Listener,
): Promise<void> {
  let start = after ?? greeting.seq;
  const kept = after === undefined || (await needs.ledger.keepsAllAfter(caller.company, after));
  const list = kept || session === null ? null : await fileList(needs, caller, session);
  // Nothing is awaited from here on: a second `join` of the same session finds this one.
  if (!socket.connected || following.has(key)) return;
  listener.send(greeting);
  if (!kept) {
    const detail = 'Some changes are older than what is kept. Take the list that follows as the state.';
    listener.send({ type: 'error', code: 'resync', detail });
    start = list?.seq ?? greeting.seq;
  }
  if (list !== null) listener.send(list);
  following.set(key, needs.feed.subscribe(listener, caller.company, session, start));
}

async function established(
  needs: Needs,
  caller: Participant,
  session: string | null,
): Promise<ServerEvent & { seq: number }> {
  return {
    type: 'connection_established',
    message: 'WebSocket connected successfully',
    company_id: caller.company,
    session_id: session,
    seq: await needs.ledger.lastSeq(caller.company),
  };
}

async function fileList(
  needs: Needs,
  caller: Participant,
  session: string,
  cursor?: string,
): Promise<ServerEvent & { seq: number }> {
  const list = await needs.listFiles(caller.company, session, { limit: MAX_PAGE_FILES, cursor });
  return { type: 'file_list', company_id: caller.company, session_id: session, ...list };
}
