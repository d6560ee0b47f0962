/** How SQLite finds the files of a list: by an index and in its order, so that a page costs what is on it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FILE_ORDERS, type FileOrder } from '../../server/contract/file-filter.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { createSessionListTable } from '../../server/database/session-list-table.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

/** How each statement of a work would be run, one text for each. */
async function plansOf(work: () => Promise<unknown>): Promise<string[]> {
  const { database } = open;
  const asked: { sql: string; bindings: string[] }[] = [];
  const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
  database.on('query', listen);
  await work();
  database.off('query', listen);
  const plans: string[] = [];
  for (const { sql, bindings } of asked.filter(({ sql }) => !/^(begin|commit|rollback)/i.test(sql))) {
    const steps: { detail: string }[] = await database.raw(`explain query plan ${sql}`, bindings);
    plans.push(steps.map(({ detail }) => detail).join('\n'));
  }
  return plans;
}

test.each([{}, { kind: 'other' as const }, { nameContains: 'x', uploader: 'user' as const }])(
  'comes in order out of an index, and is filtered in it: %j',
  async (filter) => {
    const files = createChatFileTable(open.database);
    const plan = async (session: string | null, order: FileOrder) => {
      const plans = await plansOf(async () => {
        await files.list('company', session, filter, { order, beyondId: 5 }, 10);
        await files.count('company', session, filter);
      });
      return plans.join('\n');
    };
    for (const order of FILE_ORDERS) {
      const ofCompany = await plan(null, order);
      expect(ofCompany).toContain('INDEX chat_files_of_company (company_id=? AND id');
      expect(ofCompany).toContain('USING COVERING INDEX');
      expect(ofCompany).not.toMatch(/TEMP B-TREE|SCAN/);
      const ofChat = await plan('session', order);
      expect(ofChat).toContain('(chat_session_id=? AND rowid');
      expect(ofChat).toContain('chat_files_chat_session_id_index (chat_session_id=?)');
      expect(ofChat).not.toMatch(/TEMP B-TREE|SCAN /);
    }
  },
);

test('the files of one side of a chat are counted there, not among all that this side sent', async () => {
  const { database } = open;
  const files = createChatFileTable(database);
  const side = { company: 'company', session: 'session', uploader: 'user' as const };
  // Both: of the chat, and, since none is left to count, of the side.
  const plans = await plansOf(async () => {
    await runnerOf(database).read(() => createUploadTable(database).steps.pendingOf({ ...side, subject: null }));
    await runnerOf(database).read(() => files.steps.countOfSide(side, 0, 0));
    await files.count('company', 'session', { uploader: 'user' });
  });
  expect(plans).toHaveLength(3);
  // The chat's row says how many it has; only where that is too many one side's are counted.
  expect(plans[0]).toContain('SEARCH chat_sessions USING INDEX');
  // What waits there is found by its state, past all that has ended.
  expect(plans[0]?.match(/\(company_id=\? AND session_id=\? AND state=\?\)/g)).toHaveLength(2);
  for (const plan of plans.slice(1))
    expect(plan).toContain('SEARCH chat_files USING INDEX chat_files_chat_session_id_');
});

test('whatever is asked of the files of a chat goes along its own entries of an index', async () => {
  const { database } = open;
  const files = createChatFileTable(database);
  const scope = { company: 'company', session: 'session', uploader: 'user' as const };
  const chat = { company: 'company', session: 'session' };
  const plans = await plansOf(async () => {
    await files.isAny(scope);
    await files.idsUpTo(scope, 9, 10);
    await files.sumOf(scope);
    await files.pageAll(1, 10, chat);
    await database.transaction((transaction) => files.revokeLinks(transaction, chat));
    const filter = { session: null };
    await createSessionListTable(database).list('company', filter, null, 10);
    await database.transaction((transaction) =>
      createPeopleTable().removeEmptySessions(transaction, 'company', null, 5),
    );
  });
  expect(plans).toHaveLength(7);
  for (const plan of plans) {
    expect(plan).toContain('INDEX chat_files_chat_session_id_index (chat_session_id=?');
    expect(plan).not.toMatch(/TEMP B-TREE|SCAN |SEARCH chat_files USING INTEGER/);
  }
});
