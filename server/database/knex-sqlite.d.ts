/** knex's dialect for better-sqlite3, as far as it is extended here: knex has no types for it. */
declare module 'knex/lib/dialects/better-sqlite3/index.js' {
  // biome-ignore lint/style/noDefaultExport: it is knex's
  export default class BetterSqliteDialect {
    queryCompiler(builder: unknown, bindings: unknown): { single: { skipBinding?: Record<string, boolean> } };
  }
}
