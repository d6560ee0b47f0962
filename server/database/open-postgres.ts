/** A pool of connections to PostgreSQL, bounded in number and in what each may wait for. */
import knex, { type Knex } from 'knex';
import PostgresDialect from 'knex/lib/dialects/postgres/index.js';
import pg from 'pg';
import { DatabaseUnreachable } from './database-failure.ts';
import { repeatLost } from './repeat-lost.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** For a free connection of the pool: then the request is told to try again. */
const ACQUIRE_TIMEOUT_MS = 10_000;
/**
 * Of one statement: the longest are the counts of a large company, a second for some millions of files. Where the database
 * hangs, this and the next are what a client waits for its 503.
 */
const STATEMENT_TIMEOUT_MS = 15_000;
/** For the news that a statement took too long. */
const ANSWER_MS = 5000;
const LOCK_TIMEOUT_MS = 10_000;
/** A transaction whose node hangs must not hold the counter of a company. */
const IDLE_IN_TRANSACTION_MS = 15_000;
const IDLE_CONNECTION_MS = 60_000;

// int8: ids, sizes and times, all of them below 2^53. The driver gives text otherwise.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/**
 * The driver's dialect, with two differences. What a user wrote may hold a NUL, which PostgreSQL's text does not. And a
 * fault that is not PostgreSQL's answer is one of the connection, whatever it calls itself.
 */
class Dialect extends PostgresDialect {
  override prepBindings(bindings: unknown[] | undefined): unknown[] {
    return super
      .prepBindings(bindings ?? [])
      .map((value) => (typeof value === 'string' ? value.replaceAll('\0', '\u{FFFD}') : value));
  }

  override acquireRawConnection(): Promise<unknown> {
    return super.acquireRawConnection().catch(unreachable);
  }

  override _query(connection: PooledConnection, query: { sql: string }): Promise<unknown> {
    return super._query(connection, query).catch((error: unknown) => {
      // One that gave no answer still waits for it, and so would the next statement: the pool is to throw it away.
      if (!(error instanceof pg.DatabaseError)) connection.__knex__disposed ??= error;
      return unreachable(error);
    });
  }
}

/** What knex marks its connections with. */
type PooledConnection = { __knex__disposed?: unknown };

function unreachable(error: unknown): never {
  throw error instanceof pg.DatabaseError ? error : new DatabaseUnreachable(error);
}

type Options = {
  poolSize: number;
  /** Statements may take as long as they want. */
  unhurried?: boolean;
  /** For tests. */
  statementTimeoutMs?: number;
};

/** Connects at the first statement. */
export function openPostgres(
  url: string,
  { poolSize, unhurried = false, statementTimeoutMs = STATEMENT_TIMEOUT_MS }: Options,
): Knex {
  const limits = {
    statement_timeout: statementTimeoutMs,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // Of this side: a connection that has died in silence gives no answer at all.
    query_timeout: statementTimeoutMs + ANSWER_MS,
  };
  const database = knex({
    client: Dialect as unknown as typeof Knex.Client,
    connection: {
      connectionString: url,
      application_name: 'chatdrop',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      // Whatever the server's own default is: an answered offset or a shared file is not to be lost.
      options: '-c synchronous_commit=on -c default_transaction_isolation=read\\ committed',
      ...(unhurried ? {} : limits),
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: poolSize, idleTimeoutMillis: IDLE_CONNECTION_MS },
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    // Faults are logged, and a statement's values may be a key or a name.
    compileSqlOnError: false,
    // What goes wrong is thrown; knex would print it a second time, with a stack.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  });
  repeatTransactions(database);
  return database;
}

function repeatTransactions(database: Knex): void {
  const transaction = database.transaction.bind(database) as (work?: unknown, options?: unknown) => Promise<unknown>;
  const repeating = (work?: unknown, options?: unknown) => repeatLost(() => transaction(work, options));
  Object.defineProperty(database, 'transaction', { value: repeating, configurable: true });
}
