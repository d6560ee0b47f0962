/** One connection, whatever its transport: what it may still take, and which sessions it follows. */
import type { ServerEvent } from '../contract/events.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import { Failure } from '../rules/failure.ts';
import { type Participant, participantKey } from '../rules/participant.ts';
import { type ListFiles, MAX_PAGE_FILES } from '../sharing/list-files.ts';
import type { Listener, SessionFeed, Subscription } from './session-feed.ts';
import { createTurns } from './turns.ts';
import { MAX_STALL_MS, type Wire } from './wire.ts';

export type ConnectionNeeds = {
  feed: SessionFeed;
  ledger: Pick<EventLedger, 'lastSeq' | 'keepsAllAfter'>;
  listFiles: ListFiles;
  /** For tests. */
  maxStallMs?: number;
};

/** What is asked of it is done one after the other, each when there is room. */
export type Connection = {
  caller: Participant;
  listener: Listener;
  /** Whether more waits for this client than is good: it does not read. */
  isFull(): boolean;
  /** First the greeting, then what was missed, then what comes. Following twice is following once. */
  follow(session: string, after: number | undefined): Promise<ServerEvent>;
  /** The whole company, instead of the sessions that were joined: an event comes once on a connection. */
  followCompany(after: number | undefined): Promise<ServerEvent>;
  /** Only the greeting: an agent who has joined no session yet. */
  greet(): Promise<void>;
  leave(session: string): Promise<boolean>;
  sendList(session: string, cursor?: string): Promise<ServerEvent>;
  close(): void;
};

/** Sessions that one socket may follow. */
const MAX_FOLLOWED = 1000;
/** The key under which a whole company is followed; no session id can be it. */
const WHOLE_COMPANY = '*';

type Greeting = ServerEvent & { seq: number };

export function createConnection(needs: ConnectionNeeds, wire: Wire, caller: Participant): Connection {
  const following = new Map<string, Subscription>();
  const listener = listenerOf(wire, caller, needs.maxStallMs ?? MAX_STALL_MS);
  const inTurn = createTurns(wire);
  const greeting = (session: string | null) => established(needs, caller, session);
  const fileList = (session: string, cursor?: string) => listEvent(needs, caller, session, cursor);

  const close = () => {
    for (const subscription of following.values()) subscription.close();
    following.clear();
  };

  const start = async (key: string, session: string | null, after: number | undefined): Promise<Greeting> => {
    const hello = await greeting(session);
    const isKept = after === undefined || (await needs.ledger.keepsAllAfter(caller.company, after));
    const list = isKept || session === null ? null : await fileList(session);
    // Nothing is awaited from here on: whoever asks for the same meanwhile finds it done.
    if (!wire.isOpen() || following.has(key) || following.has(WHOLE_COMPANY)) return hello;
    if (key === WHOLE_COMPANY) close();
    listener.send(hello);
    if (!isKept)
      listener.send({
        type: 'error',
        code: 'resync',
        detail: 'Some changes are no longer kept. Take the list as the state.',
      });
    if (list !== null) listener.send(list);
    const from = isKept ? (after ?? hello.seq) : (list?.seq ?? hello.seq);
    following.set(key, needs.feed.subscribe(listener, caller.company, session, from, hello.seq));
    return hello;
  };

  return {
    caller,
    listener,
    close,
    isFull: wire.isFull,
    follow: (session, after) =>
      inTurn(async () => {
        if (following.size >= MAX_FOLLOWED)
          throw new Failure('invalid-request', `A socket follows ${MAX_FOLLOWED} sessions at most.`);
        return start(session, session, after);
      }),
    followCompany: (after) =>
      inTurn(async () => {
        if (caller.role !== 'agent' || caller.session !== null)
          throw new Failure('forbidden', 'This token is bound to one session.');
        return start(WHOLE_COMPANY, null, after);
      }),
    greet: async () => {
      listener.send(await greeting(null));
    },
    leave: (session) =>
      inTurn(async () => {
        following.get(session)?.close();
        return following.delete(session);
      }),
    sendList: (session, cursor) =>
      inTurn(async () => {
        const list = await fileList(session, cursor);
        listener.send(list);
        return list;
      }),
  };
}

function listenerOf(wire: Wire, caller: Participant, maxStallMs: number): Listener {
  let stalled: NodeJS.Timeout | null = null;
  const watch = () => {
    if (stalled !== null) return;
    stalled = setTimeout(wire.cut, maxStallMs).unref();
    void wire.drained().then(() => {
      clearTimeout(stalled ?? undefined);
      stalled = null;
    });
  };
  return {
    participant: participantKey(caller),
    send(event) {
      wire.send(event);
      const isFull = wire.isFull();
      if (isFull) watch();
      return !isFull;
    },
    drained: wire.drained,
  };
}

async function established(needs: ConnectionNeeds, caller: Participant, session: string | null): Promise<Greeting> {
  return {
    type: 'connection_established',
    message: 'WebSocket connected successfully',
    company_id: caller.company,
    session_id: session,
    seq: await needs.ledger.lastSeq(caller.company),
  };
}

async function listEvent(
  needs: ConnectionNeeds,
  caller: Participant,
  session: string,
  cursor: string | undefined,
): Promise<Greeting> {
  const list = await needs.listFiles(caller.company, session, { limit: MAX_PAGE_FILES, cursor });
  return { type: 'file_list', company_id: caller.company, session_id: session, ...list };
}
