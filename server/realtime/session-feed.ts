/**
 * The feed: what the ledger holds, to every connection that may see it; once each, in order, with nothing left out.
 *
 * A subscription goes through three phases. It is registered first, so that from then on it is told of every new
 * entry. It catches up: pages of the ledger after its cursor are sent, and if an entry was announced meanwhile it
 * reads once more. When a read finds nothing and nothing was announced, it is live: new entries are read once for the
 * whole company and offered to all; whatever is not above a subscription's cursor was sent before and is dropped. A
 * connection that cannot take more falls back to catching up, so that nothing is queued for it here.
 *
 * What this process has just recorded is handed over and not read back (handed-files.ts), where it is all that is new.
 */
import type { LedgerEvent, ServerEvent, UploadProgress } from '../contract/events.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger, LedgerEntry } from '../database/event-ledger.ts';
import type { PresentFile } from '../sharing/present-file.ts';
import { HandedFiles } from './handed-files.ts';

/** One connection, whatever its transport. */
export type Listener = {
  /** Who is at the other end, by `participantKey`. */
  participant: string;
  /** @returns false when its buffer is full and it should rest */
  send(event: ServerEvent): boolean;
  /** Resolves when there is room again, or the connection is gone. */
  drained(): Promise<void>;
};

export type Subscription = { close(): void };

type Needs = {
  ledger: Pick<EventLedger, 'entriesAfter' | 'lastSeqs'>;
  files: Pick<ChatFileTable, 'findMany'>;
  presentFile: PresentFile;
  /** A read of the ledger failed; it is tried again. */
  onFault(error: unknown): void;
};

type Follower = {
  listener: Listener;
  company: string;
  /** Null: the whole company. */
  session: string | null;
  /** The last number that was sent. */
  cursor: number;
  phase: 'catching-up' | 'live' | 'closed';
  announced: boolean;
  /** Its buffer was full and has not been emptied since. */
  full: boolean;
};
type CompanyFeed = {
  followers: Set<Follower>;
  cursor: number | null;
  handed: HandedFiles;
  reading: boolean;
  announced: boolean;
};
/** An entry of the ledger. Its event is made when the first connection wants it, with fresh links, once for all. */
type News = { seq: number; session: string; event(): LedgerEvent | undefined };

const PAGE_ENTRIES = 200;
const PAGE_COMPANIES = 500;
const RETRY_MS = 1000;

export type SessionFeed = ReturnType<typeof createSessionFeed>;

export function createSessionFeed(needs: Needs) {
  const companies = new Map<string, CompanyFeed>();

  return {
    /** Sends every entry after `after`, then the live ones, until closed. `ledgerEnd`: a recent place of the ledger. */
    subscribe(
      listener: Listener,
      company: string,
      session: string | null,
      after: number,
      ledgerEnd = after,
    ): Subscription {
      const feed = companies.get(company) ?? {
        followers: new Set<Follower>(),
        cursor: null,
        handed: new HandedFiles(),
        reading: false,
        announced: false,
      };
      companies.set(company, feed);
      const follower: Follower = {
        listener,
        company,
        session,
        cursor: after,
        phase: 'catching-up',
        announced: false,
        full: false,
      };
      feed.followers.add(follower);
      // New entries are read from here on; what is older, each follower reads for itself.
      feed.cursor ??= ledgerEnd;
      void catchUp(needs, follower);
      return {
        close() {
          follower.phase = 'closed';
          feed.followers.delete(follower);
          if (feed.followers.size === 0 && companies.get(company) === feed) companies.delete(company);
        },
      };
    },

    /** A transaction that wrote to this company's ledger is committed. `shared`: all that it wrote is that this file is shared. */
    wake(company: string, shared?: FileRecord): void {
      const feed = companies.get(company);
      if (feed === undefined) return;
      if (shared === undefined) feed.handed.missOne();
      else feed.handed.add(shared);
      feed.announced = true;
      if (!feed.reading) void readNew(needs, company, feed);
    },

    /** Whether somebody here would be told of this session. */
    isFollowed(company: string, session: string): boolean {
      for (const follower of companies.get(company)?.followers ?? [])
        if (follower.session === null || follower.session === session) return true;
      return false;
    },

    /**
     * Wakes the companies whose ledger grew without a `wake`: the command line, or another node, writes to the same
     * database. One indexed read for each page of followed companies; nothing is read where nothing is new.
     */
    async poll(): Promise<void> {
      const followed = [...companies.keys()];
      for (let start = 0; start < followed.length; start += PAGE_COMPANIES) {
        const newest = await needs.ledger.lastSeqs(followed.slice(start, start + PAGE_COMPANIES));
        for (const [company, seq] of newest) {
          if (seq > (companies.get(company)?.cursor ?? seq)) this.wake(company);
        }
      }
    },

    /** Sends a passing event to everyone in its session but one participant. A full connection misses it. */
    publish(event: UploadProgress, exceptParticipant: string): void {
      for (const follower of companies.get(event.company_id)?.followers ?? []) {
        const { listener, session, full } = follower;
        const isMeant =
          (session === null || session === event.session_id) && listener.participant !== exceptParticipant;
        if (isMeant && !full && !listener.send(event)) void rest(follower);
      }
    },
  };
}

async function catchUp(needs: Needs, follower: Follower): Promise<void> {
  // Asked anew after every wait: it may have been closed meanwhile.
  const open = () => follower.phase !== 'closed';
  while (open()) {
    follower.announced = false;
    try {
      const entries = await needs.ledger.entriesAfter(
        follower.company,
        follower.session,
        follower.cursor,
        PAGE_ENTRIES,
      );
      if (entries.length === 0 && !follower.announced) {
        if (open()) follower.phase = 'live';
        return;
      }
      const news = await toNews(needs, entries);
      if (open() && !offer(follower, news)) await rest(follower);
    } catch (error) {
      needs.onFault(error);
      await pause();
    }
  }
}

/** Reads what is new in a company once, for all its followers. */
async function readNew(needs: Needs, company: string, feed: CompanyFeed): Promise<void> {
  feed.reading = true;
  while (feed.announced && feed.followers.size > 0) {
    // Files that are recorded together, in one commit, are read together.
    await new Promise(setImmediate);
    feed.announced = false;
    try {
      const after = feed.cursor ?? 0;
      const handed = feed.handed.takeAfter(after);
      const news =
        handed === null ? await readNews(needs, company, feed, after) : handed.map((file) => newsOf(needs, file));
      const last = news.at(-1);
      if (last === undefined) continue;
      for (const follower of feed.followers) tell(needs, follower, news);
      feed.cursor = last.seq;
    } catch (error) {
      needs.onFault(error);
      await pause();
      readAgain(feed);
    }
  }
  feed.reading = false;
}

async function readNews(needs: Needs, company: string, feed: CompanyFeed, after: number): Promise<News[]> {
  const entries = await needs.ledger.entriesAfter(company, null, after, PAGE_ENTRIES);
  if (entries.length === PAGE_ENTRIES) readAgain(feed);
  return toNews(needs, entries);
}

function readAgain(feed: CompanyFeed): void {
  feed.handed.missOne();
  feed.announced = true;
}

function tell(needs: Needs, follower: Follower, news: News[]): void {
  if (follower.phase === 'catching-up') follower.announced = true;
  if (follower.phase !== 'live' || offer(follower, news)) return;
  follower.phase = 'catching-up';
  void rest(follower).then(() => catchUp(needs, follower));
}

/** Until its buffer is empty again. */
async function rest(follower: Follower): Promise<void> {
  follower.full = true;
  await follower.listener.drained();
  follower.full = false;
}

/** @returns false when the connection is full; its cursor says how far it came */
function offer(follower: Follower, news: News[]): boolean {
  for (const entry of news) {
    const { seq, session } = entry;
    if (seq <= follower.cursor || (follower.session !== null && follower.session !== session)) continue;
    follower.cursor = seq;
    const event = entry.event();
    const hasRoom = event === undefined || follower.listener.send(event);
    // It may have been closed by what it was just told.
    if ((follower.phase as Follower['phase']) === 'closed') return true;
    if (!hasRoom) return false;
  }
  return true;
}

/** A file that is gone is replayed as its removal only. */
async function toNews(needs: Needs, entries: LedgerEntry[]): Promise<News[]> {
  const files = await needs.files.findMany(
    entries.filter((entry) => entry.type !== 'file_removed').map((entry) => entry.fileId),
  );
  return entries.map(({ seq, type, fileId, company, session, reason }) => ({
    seq,
    session,
    event: once(() => {
      if (type === 'file_removed')
        return { type, id: fileId, company_id: company, session_id: session, seq, reason: reason ?? 'deleted' };
      const file = files.get(fileId);
      return file === undefined ? undefined : { type, ...needs.presentFile(file), seq };
    }),
  }));
}

function newsOf(needs: Needs, file: FileRecord): News {
  const { seq, session } = file;
  return { seq, session, event: once(() => ({ type: 'file_shared', ...needs.presentFile(file) })) };
}

function once(make: () => LedgerEvent | undefined): News['event'] {
  let made: LedgerEvent | undefined;
  let isMade = false;
  return () => {
    if (!isMade) made = make();
    isMade = true;
    return made;
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, RETRY_MS);
  });
}
