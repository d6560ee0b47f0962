/** How SQLite finds the files of a list: by an index and in its order, so that a page costs what is on it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FILE_ORDERS, type FileOrder } from '../../server/contract/file-filter.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

test.each([{}, { kind: 'other' as const }, { nameContains: 'x', uploader: 'user' as const }])(
  'comes in order out of an index, and is filtered in it: %j',
  async (filter) => {
    const { database } = open;
    const files = createChatFileTable(database);
    const plan = async (session: string | null, order: FileOrder) => {
      const asked: { sql: string; bindings: string[] }[] = [];
      const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
      database.on('query', listen);
      await files.list('company', session, filter, { order, beyondId: 5 }, 10);
      await files.count('company', session, filter);
      database.off('query', listen);
      const steps: { detail: string }[] = [];
      for (const { sql, bindings } of asked) steps.push(...(await database.raw(`explain query plan ${sql}`, bindings)));
      return steps.map(({ detail }) => detail).join('\n');
    };
    for (const order of FILE_ORDERS) {
      const ofCompany = await plan(null, order);
      expect(ofCompany).toContain('INDEX chat_files_of_company (company_id=? AND id');
      expect(ofCompany).toContain('USING COVERING INDEX');
      expect(ofCompany).not.toMatch(/TEMP B-TREE|SCAN/);
      expect(await plan('session', order)).toContain('(company_id=? AND session_id=? AND id');
    }
  },
);

test('the files of one side of a chat are counted there, not among all that this side sent', async () => {
  const { database } = open;
  const files = createChatFileTable(database);
  const plans: string[] = [];
  const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
  const asked: { sql: string; bindings: string[] }[] = [];
  database.on('query', listen);
  const side = { company: 'company', session: 'session', uploader: 'user' as const };
  // Both: of the chat, and, since none is left to count, of the side.
  await runnerOf(database).read(() => createUploadTable(database).steps.pendingOf({ ...side, subject: null }));
  await runnerOf(database).read(() => files.steps.countOfSide(side, 0, 0));
  await files.count('company', 'session', { uploader: 'user' });
  database.off('query', listen);
  for (const { sql, bindings } of asked)
    plans.push(
      (await database.raw(`explain query plan ${sql}`, bindings)).map((step: { detail: string }) => step.detail).join(),
    );
  expect(plans).toHaveLength(3);
  // The chat's row says how many it has; only where that is too many one side's are counted.
  expect(plans[0]).toContain('SEARCH chat_sessions USING INDEX');
  for (const plan of plans) expect(plan).toMatch(/company_id=\? AND session_id=\?/);
});
