/** Takes the picture of the operator's page in the docs, and others to look at: `npm run build && node test/pictures/take-admin-pictures.ts FOLDER [phone-dark …]`. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Database } from '../../server/database/open-database.ts';
import { shareFile } from '../services/chat-api.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { exeFile, mp4File, pdfFile } from '../services/fixtures.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';

const ADMIN_TOKEN = 'an-admin-token-for-pictures-and-nothing-else';
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const COMPANIES = [
  'northwind',
  'blue-harbor',
  'atelier-lune',
  'fjord-travel',
  'kopke_partners',
  'oak-and-iron',
  'mira',
];
const DAY_MS = 86_400_000;
const TODAY = Math.floor(Date.now() / DAY_MS);
const DAYS = 120;
const KINDS = { image: 0.52, document: 0.27, video: 0.09, audio: 0.05, other: 0.07 };
const REFUSED = { 'type-not-allowed': 8, 'file-too-large': 6, executable: 3, infected: 1, 'rate-limited': 2 };
const STEPS = ['2', '3', '5', '7', '10', '15', '20', '30', '45', '60', '120'];
const FILMS = [
  ['walk-through of the flat.mp4', 62],
  ['unboxing.mov', 91],
  ['site visit, north side.mp4', 17],
  ['how it rattles.mov', 44],
  ['reception desk 2026-11-27.mp4', 73],
] as const;

const [folder = 'pictures', ...only] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const server = await startChatdrop({ env: { ADMIN_TOKEN, CHAT_MAX_FILE_SIZE: '1GB' } });
const browser = await launchChromium();
try {
  const database = await server.openDatabase();
  await shareSome();
  await fillHistory(database);
  const moving = await startFilms();
  for (const colorScheme of ['light', 'dark'] as const)
    for (const [device, viewport] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const) {
      if (only.length > 0 && !only.includes(`${device}-${colorScheme}`)) continue;
      const context = await browser.newContext({ viewport, colorScheme, locale: 'en-GB', reducedMotion: 'reduce' });
      const page = await context.newPage();
      const take = async (name: string, fullPage: boolean) => {
        await page.mouse.move(0, 0);
        await page.waitForTimeout(400);
        await page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`), fullPage });
      };
      await page.goto(`${server.baseUrl}/admin/`);
      await page.getByLabel('Admin token').fill('not this one');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      await take('sign-in', false);
      await signIn(page);
      await moving();
      await page.getByText(/B\/s/).first().waitFor();
      await take('now', true);
      await page.getByRole('link', { name: 'Analytics' }).click();
      await page.getByText('Files shared').waitFor();
      if (device === 'desktop' && colorScheme === 'light') await page.screenshot({ path: join(folder, 'admin.png') });
      await take('analytics', true);
      await page.getByLabel('Custom').check();
      await take('custom', false);
      await page.goto(`${server.baseUrl}/admin/#analytics/nobody`);
      await page.getByText('Nothing was counted').waitFor();
      await take('empty', false);
      await context.close();
    }
} finally {
  await browser.close();
  await server.stop();
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Admin token').fill(ADMIN_TOKEN);
  await page.keyboard.press('Enter');
  await page.getByText('Live uploads').waitFor();
}

async function shareSome(): Promise<void> {
  for (const [at, company] of COMPANIES.entries()) {
    const room = {
      company,
      session: `chat-${at}`,
      visitor: visitorToken(company, `chat-${at}`),
      agent: agentToken(company),
    };
    for (let many = 0; many <= 6 - at; many += 1)
      await shareFile({ baseUrl: server.baseUrl, room, name: `offer ${many}.pdf`, body: pdfFile() });
    if (at > 3) continue;
    const metadata = { filename: ['setup.pdf', 'invoice.pdf', 'photo.jpg', 'update.zip'][at] as string };
    const begun = await create({ baseUrl: server.baseUrl, token: room.visitor, length: exeFile().length, metadata });
    await patch({ url: begun.url, token: room.visitor, offset: 0, body: exeFile() });
  }
}

/** What a hundred days would have left. */
async function fillHistory(database: Database): Promise<void> {
  const rows: Record<string, unknown>[] = [];
  let state = 7;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const add = (company_id: string, day: number, measure: string, detail: string, total: number, bytes = 0) =>
    total > 0 && rows.push({ company_id, day, measure, detail, total, bytes });
  for (const [at, company] of COMPANIES.entries())
    for (let ago = 0; ago < DAYS; ago += 1) {
      const day = TODAY - ago;
      const isWeekend = [0, 6].includes(new Date(day * DAY_MS).getUTCDay());
      const files = (180 / (at + 1.5)) * (isWeekend ? 0.35 : 1) * (0.75 + random() * 0.5) * (1 - ago / 220);
      for (const [kind, share] of Object.entries(KINDS))
        add(company, day, 'file', kind, Math.round(files * share), Math.round(files * share * 900_000));
      add(company, day, 'begun', '', Math.round(files * 1.09));
      add(company, day, 'resumed', '', Math.round(files * 0.083 * (0.6 + random())));
      add(company, day, 'saved', '', Math.round(files * 0.071 * (0.6 + random())));
      add(company, day, 'aborted', '', Math.round(files * 0.02));
      add(company, day, 'expired', '', Math.round(files * 0.012));
      for (const [code, weight] of Object.entries(REFUSED))
        add(company, day, 'refused', code, Math.round(files * 0.004 * weight * random()));
      for (const [step, end] of STEPS.entries())
        add(company, day, 'first_file', end, Math.round(files * 0.4 * Math.exp(-((step - 3.4) ** 2) / 6) * 0.26));
    }
  for (let from = 0; from < rows.length; from += 100)
    await database('company_statistics')
      .insert(rows.slice(from, from + 100))
      .onConflict(['company_id', 'day', 'measure', 'detail'])
      .merge();
  const week = Math.floor((TODAY + 3) / 7);
  for (const [at, company] of COMPANIES.entries()) {
    await database('company_usage')
      .where({ company_id: company })
      .update({ bytes: Math.round(21e9 / (at + 1.3) ** 1.4) });
    const weeks = Array.from({ length: 70 }, (_, ago) => ({
      company_id: company,
      week: week - 1 - ago,
      files: Math.round(700 / (at + 2)),
      bytes: Math.round(2.1e8 / (at + 2)),
    }));
    await database('stored_weeks').insert(weeks);
  }
  await database('infections').insert({
    upload_id: 'x',
    company_id: 'blue-harbor',
    session_id: 'chat-1',
    uploader: 'user',
    name: 'delivery note.doc',
    sha256: 'a'.repeat(64),
    size: 88_064,
    signature: 'Win.Trojan.Agent-36210',
    found_at: Date.now() - 7_400_000,
  });
}

/** @returns moves them on */
async function startFilms(): Promise<() => Promise<void>> {
  const begun = await Promise.all(
    FILMS.map(async ([filename, percent], at) => {
      const company = COMPANIES[at] as string;
      const token = at === 2 ? agentToken(company) : visitorToken(company, `chat-${at}`);
      const film = mp4File(40_000_000 + at * 9_000_000);
      const { url } = await create({
        baseUrl: server.baseUrl,
        token,
        length: film.length,
        metadata: { filename, session_id: `chat-${at}` },
      });
      const offset = Math.round((film.length * percent) / 100);
      await patch({ url, token, offset: 0, body: film.subarray(0, offset) });
      return { film, url, token, offset };
    }),
  );
  return async () => {
    await new Promise((done) => setTimeout(done, 5500));
    for (const upload of begun.slice(0, 3)) {
      const { film, url, token, offset } = upload;
      const end = offset + 900_000 + Math.round((film.length - offset) / 40);
      await patch({ url, token, offset, body: film.subarray(offset, end) });
      upload.offset = end;
    }
  };
}
