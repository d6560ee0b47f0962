/**
 * One connection to PostgreSQL that a node keeps for as long as it lives: its locks are on it, and words between nodes
 * go through it. When it ends, also by `kill -9`, PostgreSQL frees the locks at once; so whoever loses it has lost them.
 */
import { createHash } from 'node:crypto';
import pg from 'pg';

export type NodeSession = {
  /** Takes a lock that all nodes share. @returns false when another node has it. @throws when there is no connection */
  tryLock(key: string): Promise<boolean>;
  /** The same lock, together with others that share it. */
  tryShare(key: string): Promise<boolean>;
  /** Nothing happens to a lock that is not held. */
  unlock(key: string): Promise<void>;
  /** Whether somebody has this lock, this node included. */
  isLocked(key: string): Promise<boolean>;
  /** Hears what any node says on this channel, this one included, now and after every reconnection. */
  listen(channel: string, listener: (text: string) => void): Promise<void>;
  /** At most 7,999 bytes. @throws when there is no connection */
  notify(channel: string, text: string): Promise<void>;
  /** All locks are lost; called once for each time. */
  onLost(listener: () => void): void;
  /** Connected again, and listening. */
  onBack(listener: () => void): void;
  isConnected(): boolean;
  close(): Promise<void>;
};

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 2000;
const CONNECT_TIMEOUT_MS = 5000;
/** Of a lock or a word: more than that, and the connection is taken for dead. */
const QUERY_TIMEOUT_MS = 5000;
/** PostgreSQL may hang, and a node is to end all the same. */
const GOODBYE_MS = 1000;
/** A connection that has died in silence is found by these words. */
const PROBE_EVERY_MS = 5000;
/** Of PostgreSQL's side: a node whose machine went away has lost its locks after some 10 seconds. */
const KEEPALIVES = '-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3';

/** Connects, and goes on trying for as long as it is not closed. @throws when the first try fails */
export async function openNodeSession(connectionString: string): Promise<NodeSession> {
  const listeners = new Map<string, (text: string) => void>();
  const lost: (() => void)[] = [];
  const back: (() => void)[] = [];
  let client: pg.Client | null = null;
  let retryMs = FIRST_RETRY_MS;
  let retryTimer: NodeJS.Timeout | undefined;
  let closed = false;

  const connect = async () => {
    const next = new pg.Client({
      connectionString,
      application_name: 'chatdrop node',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
      options: KEEPALIVES,
    });
    const onEnd = () => {
      if (client === next) lose();
    };
    next.on('error', onEnd).on('end', onEnd);
    next.on('notification', ({ channel, payload }) => listeners.get(channel)?.(payload ?? ''));
    try {
      await next.connect();
      for (const channel of listeners.keys()) await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      discard(next);
      throw error;
    }
    if (closed) return discard(next);
    client = next;
    retryMs = FIRST_RETRY_MS;
  };

  /** A connection that cannot be trusted any more ends here too: with it PostgreSQL frees what it held. */
  const lose = () => {
    const dead = client;
    if (dead === null) return;
    client = null;
    discard(dead);
    for (const tell of lost) tell();
    later();
  };

  const later = () => {
    if (closed) return;
    retryTimer = setTimeout(() => {
      connect().then(
        () => {
          for (const tell of back) tell();
        },
        () => later(),
      );
    }, retryMs);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  };

  const query = async (sql: string, values: unknown[]) => {
    const asked = client;
    if (asked === null) throw new Error('the connection that holds the locks is away');
    try {
      return await asked.query(sql, values);
    } catch (error) {
      // Of these statements none fails but by the connection; what it holds is not known any more.
      if (client === asked) lose();
      throw error;
    }
  };

  await connect();
  const probe = setInterval(() => void query('select 1', []).catch(() => {}), PROBE_EVERY_MS);
  probe.unref();

  return {
    async tryLock(key) {
      const { rows } = await query('select pg_try_advisory_lock($1) as taken', [lockNumber(key)]);
      return rows[0].taken;
    },
    async tryShare(key) {
      const { rows } = await query('select pg_try_advisory_lock_shared($1) as taken', [lockNumber(key)]);
      return rows[0].taken;
    },
    async unlock(key) {
      await query('select pg_advisory_unlock($1)', [lockNumber(key)]);
    },
    async isLocked(key) {
      const number = BigInt(lockNumber(key));
      const [high, low] = [BigInt.asUintN(32, number >> 32n), BigInt.asUintN(32, number)];
      const { rows } = await query(
        `select exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
          and classid = $1 and objid = $2 and database = (select oid from pg_database where datname = current_database())) as locked`,
        [String(high), String(low)],
      );
      return rows[0].locked;
    },
    async listen(channel, listener) {
      listeners.set(channel, listener);
      if (client !== null) await query(`listen ${pg.escapeIdentifier(channel)}`, []);
    },
    async notify(channel, text) {
      await query('select pg_notify($1, $2)', [channel, text]);
    },
    onLost: (listener) => void lost.push(listener),
    onBack: (listener) => void back.push(listener),
    isConnected: () => client !== null,
    async close() {
      closed = true;
      clearTimeout(retryTimer);
      clearInterval(probe);
      const ending = client;
      client = null;
      if (ending === null) return;
      const timer = setTimeout(discard, GOODBYE_MS, ending);
      await ending.end().catch(() => {});
      clearTimeout(timer);
    },
  };
}

/** Ends it without waiting for an answer that may never come. */
function discard(client: pg.Client): void {
  client.on('error', () => {});
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

/** 64 bits, as PostgreSQL's locks are named: that two names meet in one is not to be expected. */
function lockNumber(key: string): string {
  return createHash('sha256').update(key).digest().readBigInt64BE(0).toString();
}
