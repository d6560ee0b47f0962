/** knex's dialect for PostgreSQL, as far as it is extended here: knex has no types for it. */
declare module 'knex/lib/dialects/postgres/index.js' {
  // biome-ignore lint/style/noDefaultExport: it is knex's
  export default class PostgresDialect {
    prepBindings(bindings: unknown[]): unknown[];
    acquireRawConnection(): Promise<unknown>;
    _query(connection: unknown, query: { sql: string }): Promise<unknown>;
  }
}
