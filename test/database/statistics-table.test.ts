/** `company_statistics`: what triggers count of uploads and files, by company and day; and that an upgrade counts the same of what was there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { FILE_KINDS, KIND_TYPES, kindOf } from '../../server/contract/file-filter.ts';
import { createCompanyUsageTable } from '../../server/database/company-usage-table.ts';
import { isPostgres } from '../../server/database/dialect.ts';
import { createStatisticsTable, type DayRange, weekOf } from '../../server/database/statistics-table.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const DAY_MS = 86_400_000;
/** A Sunday. */
const DAY = 20_002;
const NOON = DAY * DAY_MS + DAY_MS / 2;
const ALL: DayRange = { fromDay: DAY - 30, toDay: DAY + 30 };
let open: TestDatabase;
let made = 0;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

const statistics = () => createStatisticsTable(open.database);

/** As `day measure detail: total`, days counted from `DAY`; only of that company, or of all. */
async function countedOf(company: string | null, range = ALL): Promise<string[]> {
  const lines: string[] = [];
  for await (const slice of statistics().sums(range, company))
    for (const { day, measure, detail, total, bytes } of slice)
      if (total !== 0) lines.push(`${day - DAY} ${measure} ${detail}: ${total}${bytes > 0 ? `, ${bytes} bytes` : ''}`);
  return lines.sort();
}

/** @returns changes the row */
async function upload(company: string, over: Record<string, unknown> = {}) {
  made += 1;
  const id = `statistics-${made}`;
  await open.database('uploads').insert({
    ...{ id, company_id: company, session_id: 's', uploader: 'user', name: 'a', size: 10, reserved_bytes: 10 },
    ...{ created_at: NOON, expires_at: NOON + DAY_MS, state: 'open', ...over },
  });
  return (change: Record<string, unknown>) => open.database('uploads').where({ id }).update(change);
}

test('an upload counts on the day on which it began, once for what became of it', async () => {
  const saved = await upload('a');
  for (const change of [{ resumes: 1 }, { resumes: 2 }, { state: 'finishing' }, { state: 'finished' }])
    await saved(change);
  const savedLate = await upload('a', { created_at: NOON - DAY_MS });
  for (const change of [{ state: 'finished' }, { resumes: 1 }, { ended_at: NOON }]) await savedLate(change);
  await (await upload('a'))({ resumes: 1 });
  const refused = await upload('a');
  await refused({ state: 'rejected', refusal_code: 'infected' });
  await refused({ last_error: 'its bytes cannot be deleted yet' });
  await (await upload('a'))({ state: 'aborted' });
  await (await upload('a'))({ state: 'expired' });
  const quiet = await upload('a');
  for (const state of ['finishing', 'finished']) await quiet({ state });
  await upload('b');
  expect(await countedOf('a')).toEqual([
    '-1 begun : 1',
    '-1 resumed : 1',
    '-1 saved : 1',
    '0 aborted : 1',
    '0 begun : 6',
    '0 expired : 1',
    '0 refused infected: 1',
    '0 resumed : 2',
    '0 saved : 1',
  ]);
  expect(await countedOf('b')).toEqual(['0 begun : 1']);
  expect(await countedOf(null)).toContain('0 begun : 7');
  // The rows are forgotten after a while; what was counted stays.
  await open.database('uploads').where({ company_id: 'a' }).whereNot({ state: 'open' }).delete();
  expect(await countedOf('a')).toContain('0 refused infected: 1');
  expect(await countedOf('a')).toContain('-1 begun : 1');
});

test('a parallel upload counts once, whatever becomes of its parts; one that was there already, not at all', async () => {
  const part = await upload('parts', { upload_concat: 'partial' });
  for (const change of [{ resumes: 3 }, { state: 'joined' }]) await part(change);
  await (await upload('parts', { upload_concat: 'partial' }))({ state: 'expired' });
  const final = await upload('parts', { upload_concat: 'final;/a /b', size: null });
  for (const change of [{ size: 20, resumes: 3 }, { state: 'finishing' }, { state: 'finished' }]) await final(change);
  await upload('parts', { id: 'twice', upload_concat: 'final;/a /b' });
  await open.database('uploads').where({ id: 'twice' }).delete();
  expect(await countedOf('parts')).toEqual(['0 begun : 1', '0 resumed : 1', '0 saved : 1']);
});

test('files count by kind on the day of their sharing, also when they are gone; the weeks know what is left', async () => {
  const types = ['image/png', ...KIND_TYPES.document.filter((type) => !type.endsWith('*')), 'text/csv', 'video/mp4'];
  types.push('audio/ogg', 'application/zip', 'application/octet-stream');
  for (const mimeType of types)
    await insertFile(open.database, { company: 'f', mimeType, createdAt: NOON, sizeBytes: 7 });
  const late = await insertFile(open.database, { company: 'f', createdAt: NOON + DAY_MS, sizeBytes: 100 });
  const expected = FILE_KINDS.map((kind) => {
    const total = types.filter((type) => kindOf(type) === kind).length;
    return `0 file ${kind}: ${total}, ${total * 7} bytes`;
  });
  const files = async () => (await countedOf('f')).filter((line) => line.includes('file ') && !line.includes('first'));
  expect(await files()).toEqual([...expected, '1 file image: 1, 100 bytes'].sort());
  const weeks = () => statistics().storedByWeek();
  const week = weekOf(NOON);
  // Sunday and Monday.
  expect(await weeks()).toEqual([
    { week: week + 1, files: 1, bytes: 100 },
    { week, files: types.length, bytes: types.length * 7 },
  ]);
  await open.database('chat_files').where({ id: late }).update({ size: 60 });
  expect((await weeks())[0]).toEqual({ week: week + 1, files: 1, bytes: 60 });
  await open.database('chat_files').where({ company_id: 'f' }).delete();
  expect(await weeks()).toEqual([]);
  expect(await files()).toEqual([...expected, '1 file image: 1, 100 bytes'].sort());
});

test('the first file of a chat counts once, by the time since the chat’s first upload began', async () => {
  const chat = (session: string, createdAt: number) => upload('first', { session_id: session, created_at: createdAt });
  for (const [session, seconds] of [
    ['quick', 0.4],
    ['slow', 61],
    ['never', 90_000],
  ] as const) {
    await chat(session, NOON);
    for (const later of [0, 5000])
      await insertFile(open.database, { company: 'first', session, createdAt: NOON + seconds * 1000 + later });
  }
  await chat('empty', NOON);
  await open.database('chat_files').where({ company_id: 'first', session_id: 'quick' }).delete();
  await insertFile(open.database, { company: 'first', session: 'quick', createdAt: NOON + 9000 });
  const firsts = (await countedOf('first')).filter((line) => line.includes('first_file'));
  expect(firsts).toEqual(['0 first_file 1: 1', '0 first_file 90: 1', '1 first_file longer: 1']);
});

test('what was refused before it had a row is added to the rest', async () => {
  await (await upload('early'))({ state: 'rejected', refusal_code: 'executable' });
  for (const total of [2, 3]) await statistics().addRefused('early', DAY, 'executable', total);
  expect(await countedOf('early')).toEqual(['0 begun : 1', '0 refused executable: 6']);
  const failures = await statistics().failures({ fromDay: DAY, toDay: DAY });
  expect(failures).toContainEqual({ day: DAY, measure: 'refused', detail: 'executable', total: 6, bytes: 0 });
  expect(await statistics().failures({ fromDay: DAY + 2, toDay: DAY + 8 })).toEqual([]);
});

test('companies are told apart, days before a time are forgotten, and a deleted company leaves nothing', async () => {
  const lines: string[] = [];
  for await (const rows of statistics().ofCompanies({ fromDay: DAY - 1, toDay: DAY }, null))
    for (const { company, day, measure, total } of rows)
      if (measure === 'saved') lines.push(`${company} ${day - DAY}: ${total}`);
  expect(lines).toEqual(['a -1: 1', 'a 0: 1', 'parts 0: 1']);
  const begun = new Map<string, number>();
  for await (const rows of statistics().byCompany(ALL))
    for (const { company, measure, total } of rows)
      if (measure === 'begun') begun.set(company, (begun.get(company) ?? 0) + total);
  expect([begun.get('a'), begun.get('b'), begun.get('parts')]).toEqual([7, 1, 1]);
  await statistics().forget(NOON);
  expect(await countedOf('a')).not.toContain('-1 begun : 1');
  await statistics().forgetCompany('a');
  expect(await countedOf('a')).toEqual([]);
  expect(await countedOf('b')).toEqual(['0 begun : 1']);
});

test('an upgrade counts what is there as the triggers would have', async () => {
  const { database } = open;
  await database('uploads').delete();
  await database('chat_files').delete();
  await database('company_statistics').delete();
  await database('chat_sessions').delete();
  await upload('old', { session_id: 'chat' });
  await (await upload('old', { session_id: 'chat' }))({ state: 'rejected', refusal_code: 'executable' });
  await (await upload('old', { session_id: 'chat' }))({ state: 'expired' });
  await (await upload('old', { upload_concat: 'partial' }))({ state: 'aborted' });
  for (const [mimeType, seconds] of [
    ['application/pdf', 20],
    ['video/mp4', 10],
  ] as const)
    await insertFile(database, { company: 'old', session: 'chat', mimeType, createdAt: NOON + seconds * 1000 });
  const before = [await countedOf('old'), await statistics().storedByWeek()];
  expect(before[0]).toEqual([
    '0 begun : 3',
    '0 expired : 1',
    '0 file document: 1, 10 bytes',
    '0 file video: 1, 10 bytes',
    '0 first_file 20: 1',
    '0 refused executable: 1',
  ]);
  const migration = MIGRATIONS.get('0021-statistics');
  await database.transaction(async (transaction) => migration?.down(transaction));
  expect(await database.schema.hasTable('company_statistics')).toBe(false);
  await database.transaction(async (transaction) => migration?.up(transaction));
  // Of the two files the earlier one was the first, in whatever order the rows were written.
  const after = (await countedOf('old')).map((line) => line.replace('first_file 10', 'first_file 20'));
  expect([after, await statistics().storedByWeek()]).toEqual(before);
  expect(await createCompanyUsageTable(database).repair()).toEqual([]);
});

test('the operator’s questions follow indexes', async () => {
  if (isPostgres(open.database)) return;
  const asked: { sql: string; bindings: string[] }[] = [];
  const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
  open.database.on('query', listen);
  await statistics().failures({ fromDay: DAY - 6, toDay: DAY });
  await countedOf('old');
  await countedOf(null);
  open.database.off('query', listen);
  const plans: string[] = [];
  for (const { sql, bindings } of asked) {
    const steps: { detail: string }[] = await open.database.raw(`explain query plan ${sql}`, bindings);
    plans.push(steps.map(({ detail }) => detail).join('\n'));
  }
  expect(plans[0]).toContain('(day=? AND measure=?)');
  expect(plans[1]).toContain('(company_id=? AND day>? AND day<?)');
  expect(plans.at(-1)).toContain('(day>? AND day<?)');
  for (const plan of plans) expect(plan).not.toMatch(/SCAN/);
});
