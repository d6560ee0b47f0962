/** How the tests run: real processes, four at a time (half of what they do is waiting), no retries. */
import { defineConfig } from 'vitest/config';
import { CountReporter } from './test/services/count-reporter.ts';
import { MixedOrder } from './test/services/mixed-order.ts';

/** They need browsers, which are found or installed once, before the first of them. */
const BROWSER_TESTS = ['test/widget/**/*.test.ts', 'test/services/{chromium,browser-page}.test.ts'];

/** What rests on the database runs on SQLite, and again on PostgreSQL. */
const DATABASE_TESTS = [
  'test/database/*-table.test.ts',
  'test/database/{event-ledger,migrate,run-statements}.test.ts',
  'test/jobs/clean-up.test.ts',
  'test/sharing/share-small.test.ts',
  'test/flow/{admin-page,bad-input,company-policy,crash-points,deletion,files-api,import,links,mishaps,quota,realtime,sessions-api,small-files,tus-protocol,webhooks}.test.ts',
];

/** They need an S3; what they start stands on it. */
const S3_TESTS = ['test/{deploy,storage,flow,services}/*s3*.test.ts'];

/**
 * Files of one project share a worker where one follows the other: it has loaded what they test, and they keep nothing in
 * its globals. Those of browsers have much in memory, and each a worker of its own.
 */
const SHARING_WORKERS = { isolate: false };

/** And these hold wherever the bytes are. */
const STORAGE_TESTS = ['test/flow/{archive,multipart-upload,resume,small-files}.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 4,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    retry: 0,
    allowOnly: false,
    globalSetup: ['test/services/built-server.ts'],
    sequence: { sequencer: MixedOrder },
    reporters: ['default', new CountReporter()],
    projects: [
      {
        extends: true,
        test: {
          name: 'postgres',
          include: DATABASE_TESTS,
          globalSetup: ['test/services/shared-postgres.ts'],
          ...SHARING_WORKERS,
        },
      },
      {
        extends: true,
        test: {
          name: 's3',
          include: [...S3_TESTS, ...STORAGE_TESTS],
          globalSetup: ['test/services/shared-s3.ts'],
          ...SHARING_WORKERS,
          // The store takes its share of a busy machine too.
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...BROWSER_TESTS, ...S3_TESTS],
          ...SHARING_WORKERS,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: BROWSER_TESTS,
          globalSetup: ['test/services/prepare-browsers.ts'],
          // What takes three seconds takes twenty where much else runs.
          testTimeout: 120_000,
        },
      },
    ],
  },
});
