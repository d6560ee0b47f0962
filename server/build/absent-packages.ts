/** Packages that others ask for and can do without: `chatdropAbsent` (bundle-script.ts) says so. */
import type { Plugin } from 'esbuild';

/** What knex, pg, ws, sharp, redis and tus ask for and can do without; a bundle says “not found”, as a folder without them would. */
const ABSENT =
  /^(?:@img\/sharp-.*|@node-rs\/xxhash|bufferutil|better-sqlite3\/.*|mariadb(?:\/callback)?|mysql2?|oracledb|pg-native|pg-query-stream|sqlite3|tedious|utf-8-validate)$/;

export const absentPackages: Plugin = {
  name: 'absent-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: ABSENT }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
      contents: `chatdropAbsent(${JSON.stringify(path)})`,
    }));
  },
};
