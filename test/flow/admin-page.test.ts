/** What the operator's page reads: the numbers are right after uploads, refusals, breaks and deletions, of several companies. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Analytics, Health, Overview } from '../../server/contract/operator.ts';
import { CSV_COLUMNS } from '../../server/rules/statistics.ts';
import { codeOf, get, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented, type ExpectDocumented } from '../services/documented.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, pdfFile, pngFile } from '../services/fixtures.ts';
import { create, head, patch, terminate } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const server = chatdropForSuite({ env: { ADMIN_TOKEN, CHAT_MAX_FILE_SIZE: '1MB' } });
const DAY_MS = 86_400_000;
/** The tests may run over midnight: what they counted is then of two days. */
const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
const ask = (path: string) => get(server().baseUrl, path, ADMIN_TOKEN);
const room = newChatRoom();
const other: ChatRoom = newChatRoom();
let expectDocumented: ExpectDocumented;

const analytics = async (query: string) => jsonOf<Analytics>(await ask(`/api/admin/analytics/?${query}`));
const overviewOf = async (isNew: (overview: Overview) => boolean) =>
  eventually('the overview shows it', async () => {
    const overview = jsonOf<Overview>(await ask('/api/admin/overview/'));
    return isNew(overview) && overview;
  });

beforeAll(async () => {
  const { baseUrl } = server();
  expectDocumented = createExpectDocumented(jsonOf(await get(baseUrl, '/openapi.json')));
  const token = room.visitor;
  await shareFile({ baseUrl, room, body: pdfFile(), name: 'a.pdf' });
  await shareFile({ baseUrl, room, body: pngFile(), name: 'b.png' });
  await shareFile({ baseUrl, room: other, body: pngFile() });
  // Refused after it had begun.
  const program = await create({ baseUrl, token, length: exeFile().length, metadata: { filename: 'c.pdf' } });
  expect((await patch({ url: program.url, token, offset: 0, body: exeFile() })).status).toBe(415);
  // Before: what is declared is enough.
  const large = { baseUrl, token, length: 2 * 1024 * 1024, metadata: { filename: 'd.pdf' } };
  for (let times = 0; times < 3; times += 1) expect((await create(large)).status).toBe(413);
  // A break, and gone on with.
  const body = pdfFile();
  const broken = await create({ baseUrl, token, length: body.length, metadata: { filename: 'e.pdf' } });
  await patch({ url: broken.url, token, offset: 0, body: body.subarray(0, 10) });
  expect((await head(broken.url, token)).status).toBe(200);
  expect((await patch({ url: broken.url, token, offset: 10, body: body.subarray(10) })).status).toBe(204);
  // Given up, and left open.
  const cancelled = await create({ baseUrl, token, length: 10, metadata: { filename: 'f.pdf' } });
  expect((await terminate(cancelled.url, token)).status).toBe(204);
  const open = await create({ baseUrl, token: other.visitor, length: 1000, metadata: { filename: '<b>g<b>.pdf' } });
  await patch({ url: open.url, token: other.visitor, offset: 0, body: pdfFile().subarray(0, 20) });
});

describe('numbers', () => {
  test('of a company: what was shared, refused, saved and given up', async () => {
    const query = `company_id=${room.company}`;
    const answer = await eventually('that the client came back is counted', async () => {
      const got = await ask(`/api/admin/analytics/?${query}`);
      return jsonOf<Analytics>(got).totals.uploads_saved === 1 && got;
    });
    expectDocumented('GET /api/admin/analytics/', answer);
    const { totals, days, from, to, companies, first_file_steps } = jsonOf<Analytics>(answer);
    expect(totals).toMatchObject({
      files: 3,
      bytes: 2 * pdfFile().length + pngFile().length,
      kinds: { image: 1, document: 2, video: 0, audio: 0, other: 0 },
      uploads_begun: 5,
      uploads_resumed: 1,
      uploads_saved: 1,
      uploads_cancelled: 1,
      uploads_expired: 0,
      refused: { executable: 1, 'file-too-large': 3 },
      first_file_chats: 1,
    });
    expect(totals.first_file_median_seconds).toBeGreaterThan(0);
    expect(first_file_steps.map(({ chats }) => chats)).toEqual([1]);
    expect([days.length, companies]).toEqual([30, []]);
    expect(days[0]).toMatchObject({ day: from, files: 0, refused: {} });
    expect(days.at(-1)?.day).toBe(to);
    expect(sumOf(days.slice(-2).map(({ files }) => files))).toBe(3);
  });

  test('of all: the companies stand beside each other', async () => {
    const { totals, companies, companies_count } = await analytics('');
    expect(totals).toMatchObject({ files: 4, uploads_begun: 7 });
    expect(companies_count).toBe(2);
    expect(companies).toEqual([
      expect.objectContaining({ company_id: room.company, files: 3, refused: 4, uploads_saved: 1 }),
      expect.objectContaining({ company_id: other.company, files: 1, refused: 0, uploads_begun: 2 }),
    ]);
    expect((await analytics('company_id=nobody')).totals).toMatchObject({ files: 0, first_file_median_seconds: null });
    expect((await analytics('from=2026-01-01&to=2026-01-02')).days.map(({ day }) => day)).toEqual([
      '2026-01-01',
      '2026-01-02',
    ]);
  });

  test('as CSV: a header, a line for each company and day, nothing that a spreadsheet would calculate', async () => {
    const database = await server().openDatabase();
    const row = { day: Math.floor(Date.now() / DAY_MS) - 40, measure: 'refused', bytes: 0 };
    await database('company_statistics').insert([
      { ...row, company_id: '-1', detail: 'infected', total: 2 },
      { ...row, company_id: '-1', detail: 'something-new', total: 1 },
    ]);
    await database.destroy();
    const answer = await ask(
      `/api/admin/analytics.csv?from=${new Date(Date.now() - 50 * DAY_MS).toISOString().slice(0, 10)}`,
    );
    expectDocumented('GET /api/admin/analytics.csv', answer);
    expect(answer.headers['content-type']).toContain('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="chatdrop-[\d-]+\.csv"$/);
    const [header, guarded, ...rest] = answer.body.toString().split('\r\n');
    expect(header).toBe(CSV_COLUMNS.join(','));
    const cellOf = (line = '', name: string) => line.split(',')[CSV_COLUMNS.indexOf(name)];
    expect(guarded).toContain(",'-1,");
    expect([cellOf(guarded, 'refused'), cellOf(guarded, 'refused_infected'), cellOf(guarded, 'refused_other')]).toEqual(
      ['3', '2', '1'],
    );
    expect(rest.at(-1)).toBe('');
    const lines = rest.slice(0, -1);
    const names = new Set(lines.map((line) => cellOf(line, 'company_id')));
    expect([...names].sort()).toEqual([room.company, other.company].sort());
    const mine = lines.filter((line) => cellOf(line, 'company_id') === room.company);
    const sums = ['files', 'files_document', 'uploads_saved', 'refused_executable', 'refused_file_too_large'].map(
      (name) => sumOf(mine.map((line) => Number(cellOf(line, name)))),
    );
    expect(sums).toEqual([3, 2, 1, 1, 3]);
    const one = await ask(`/api/admin/analytics.csv?company_id=${other.company}`);
    expect(one.body.toString()).toContain(other.company);
    expect(one.body.toString()).not.toContain(room.company);
  });

  test('only for days that make sense', async () => {
    for (const query of [
      'from=yesterday',
      'from=2026-02-30',
      'from=2026-03-02&to=2026-03-01',
      'from=2020-01-01',
      'company_id=a/b',
    ]) {
      for (const path of ['/api/admin/analytics/', '/api/admin/analytics.csv']) {
        const answer = await ask(`${path}?${query}`);
        expect([query, path, answer.status, codeOf(answer)]).toEqual([query, path, 400, 'invalid-request']);
      }
    }
  });
});

test('the overview: what is on its way, what failed, what is stored', async () => {
  const overview = await overviewOf(({ live }) => live.uploads.some(({ offset }) => offset === 20));
  expectDocumented('GET /api/admin/overview/', await ask('/api/admin/overview/'));
  expect(overview.live).toMatchObject({ uploading: { count: 1, is_more: false }, checking: { count: 0 } });
  expect(overview.live.uploads).toEqual([
    expect.objectContaining({
      company_id: other.company,
      session_id: other.session,
      name: '<b>g<b>.pdf',
      size: 1000,
      offset: 20,
      state: 'uploading',
      uploader: 'user',
    }),
  ]);
  expect(overview.failures.days).toHaveLength(7);
  const { days } = overview.failures;
  expect(sumOf(days.map(({ refused }) => refused['file-too-large'] ?? 0))).toBe(3);
  expect(sumOf(days.map(({ refused, cancelled }) => (refused.executable ?? 0) + cancelled))).toBe(2);
  expect(overview.failures.latest).toEqual([
    expect.objectContaining({ name: 'c.pdf', code: 'executable', company_id: room.company }),
  ]);
  const { companies, companies_count, ages } = overview.storage;
  expect([companies_count, companies.map(({ company_id }) => company_id).sort()]).toEqual([
    2,
    [room.company, other.company].sort(),
  ]);
  expect(sumOf(ages.slice(0, 2).map(({ files }) => files))).toBe(4);
  expect(sumOf(ages.map(({ bytes }) => bytes))).toBe(2 * pdfFile().length + 2 * pngFile().length);
  expect(overview.quarantine).toEqual({ is_scanning: false, infections: [] });
});

test('health: each part, and the room on the disks', async () => {
  const answer = await ask('/api/admin/health/');
  expectDocumented('GET /api/admin/health/', answer);
  const health = jsonOf<Health>(answer);
  const states = Object.fromEntries(health.parts.map(({ name, state }) => [name, state]));
  expect(states).toMatchObject({ database: 'works', storage: 'works', scanner: 'off', redis: 'off' });
  expect(health.disks.every(({ free_bytes, total_bytes }) => free_bytes > 0 && total_bytes >= free_bytes)).toBe(true);
});

test('a deleted company takes its numbers with it', async () => {
  const url = `${server().baseUrl}/api/admin/companies/${room.company}/`;
  const deleted = await send({ method: 'DELETE', url, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  expect(deleted.status).toBe(202);
  const gone = await eventually('its numbers are gone', async () => {
    const answer = await analytics(`company_id=${room.company}`);
    return answer.totals.uploads_begun === 0 && answer;
  });
  expect(gone.totals).toMatchObject({ files: 0, refused: {}, uploads_saved: 0 });
  expect((await analytics(`company_id=${other.company}`)).totals.files).toBe(1);
});
