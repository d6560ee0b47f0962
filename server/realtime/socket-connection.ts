/** One connection, whatever its transport: what it may still take, and which sessions it follows. */
import type { ServerEvent } from '../contract/events.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import { Failure } from '../rules/failure.ts';
import { type Participant, participantKey } from '../rules/participant.ts';
import { type ListFiles, MAX_PAGE_FILES } from '../sharing/list-files.ts';
import type { Listener, SessionFeed, Subscription } from './session-feed.ts';
import { createTurns, type InTurn } from './turns.ts';
import { MAX_STALL_MS, type Wire } from './wire.ts';

export type ConnectionNeeds = {
  feed: SessionFeed;
  ledger: Pick<EventLedger, 'lastSeq' | 'keepsAllAfter'>;
  listFiles: ListFiles;
  /** For tests. */
  maxStallMs?: number;
};

/** What is asked of it is done one after the other, each when there is room. */
export type Connection = Listener & {
  caller: Participant;
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
  return new ClientConnection(needs, wire, caller);
}

/** A class: there are ten thousand of these, and a function for each thing that one can do would double what it takes. */
class ClientConnection implements Connection {
  readonly caller: Participant;
  readonly participant: string;
  private readonly needs: ConnectionNeeds;
  private readonly wire: Wire;
  private readonly inTurn: InTurn;
  private readonly following = new Map<string, Subscription>();
  private stalled: NodeJS.Timeout | null = null;

  constructor(needs: ConnectionNeeds, wire: Wire, caller: Participant) {
    this.needs = needs;
    this.wire = wire;
    this.caller = caller;
    this.participant = participantKey(caller);
    this.inTurn = createTurns(wire);
  }

  send(event: ServerEvent): boolean {
    this.wire.send(event);
    const isFull = this.wire.isFull();
    if (isFull) this.watchStall();
    return !isFull;
  }

  drained(): Promise<void> {
    return this.wire.drained();
  }

  isFull(): boolean {
    return this.wire.isFull();
  }

  follow(session: string, after: number | undefined): Promise<ServerEvent> {
    return this.inTurn(async () => {
      if (this.following.size >= MAX_FOLLOWED)
        throw new Failure('invalid-request', `A socket follows ${MAX_FOLLOWED} sessions at most.`);
      return this.start(session, session, after);
    });
  }

  followCompany(after: number | undefined): Promise<ServerEvent> {
    return this.inTurn(async () => {
      if (this.caller.role !== 'agent' || this.caller.session !== null)
        throw new Failure('forbidden', 'This token is bound to one session.');
      return this.start(WHOLE_COMPANY, null, after);
    });
  }

  async greet(): Promise<void> {
    this.send(await established(this.needs, this.caller, null));
  }

  leave(session: string): Promise<boolean> {
    return this.inTurn(async () => {
      this.following.get(session)?.close();
      return this.following.delete(session);
    });
  }

  sendList(session: string, cursor?: string): Promise<ServerEvent> {
    return this.inTurn(async () => {
      const list = await listEvent(this.needs, this.caller, session, cursor);
      this.send(list);
      return list;
    });
  }

  close(): void {
    for (const subscription of this.following.values()) subscription.close();
    this.following.clear();
  }

  private async start(key: string, session: string | null, after: number | undefined): Promise<Greeting> {
    const { needs, caller, wire, following } = this;
    const hello = await established(needs, caller, session);
    const isKept = after === undefined || (await needs.ledger.keepsAllAfter(caller.company, after));
    const list = isKept || session === null ? null : await listEvent(needs, caller, session, undefined);
    // Nothing is awaited from here on: whoever asks for the same meanwhile finds it done.
    if (!wire.isOpen() || following.has(key) || following.has(WHOLE_COMPANY)) return hello;
    if (key === WHOLE_COMPANY) this.close();
    this.send(hello);
    if (!isKept)
      this.send({
        type: 'error',
        code: 'resync',
        detail: 'Some changes are no longer kept. Take the list as the state.',
      });
    if (list !== null) this.send(list);
    const from = isKept ? (after ?? hello.seq) : (list?.seq ?? hello.seq);
    following.set(key, needs.feed.subscribe(this, caller.company, session, from, hello.seq));
    return hello;
  }

  private watchStall(): void {
    if (this.stalled !== null) return;
    this.stalled = setTimeout(() => this.wire.cut(), this.needs.maxStallMs ?? MAX_STALL_MS).unref();
    void this.wire.drained().then(() => {
      clearTimeout(this.stalled ?? undefined);
      this.stalled = null;
    });
  }
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
