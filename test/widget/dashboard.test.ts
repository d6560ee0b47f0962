/** The agent's dashboard in a real Chromium, with visitors who share and upload through the API. */
import { readFile, rm } from 'node:fs/promises';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { axeFindings } from '../services/axe.ts';
import { bearer, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { fileOnDisk } from '../services/file-on-disk.ts';
import { mp4File, pdfFile, pngFile, textFile } from '../services/fixtures.ts';
import { readZip } from '../services/read-zip.ts';
import { agentToken, nowSeconds, visitorToken } from '../services/tokens.ts';
import { create, patch, terminate } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

/** A slow machine needs its time; nothing here waits for the clock. */
const PATIENCE_MS = 60_000;
/** Long enough to have opened everything before it ends. */
const SHORT_TOKEN_SECONDS = 15;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

let server: Chatdrop;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let mistakes: string[];

beforeAll(async () => {
  server = await startChatdrop({ env: { CHAT_UPLOAD_RATE_LIMIT: '100000' } });
  browser = await launchChromium();
});

afterEach(async () => {
  await context?.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

describe('signing in', () => {
  test('asks for an agent’s token, refuses others in a sentence, and leaves the token in no address', async () => {
    const room = newChatRoom();
    await share(room, 'first.png');
    await openPage();
    await field().waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await signIn('no.token.at-all');
    await page.getByText('This token is not valid').waitFor();
    await signIn(room.visitor);
    await page.getByText('This token is a visitor’s').waitFor();
    expect(await context.cookies()).toEqual([]);
    await signIn(`${room.agent.slice(0, 40)}\n  ${room.agent.slice(40)}`);
    await chatItem(room).waitFor();
    expect(await context.cookies()).toMatchObject([{ name: 'chatdrop', httpOnly: true, value: room.agent }]);
    const seen = await page.evaluate(() =>
      [location.href, JSON.stringify(localStorage), document.body.innerHTML].join(),
    );
    expect(seen).not.toContain(room.agent.split('.')[2]);
    expect(mistakes).toEqual([]);
  });

  test('a cookie is enough; signing out takes it away, and a reload asks again', async () => {
    const room = newChatRoom();
    await share(room, 'first.png');
    await openDashboard(room);
    await chatItem(room).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field().waitFor();
    expect(await context.cookies()).toEqual([]);
    await page.reload();
    await field().waitFor();
    expect(await chatItem(room).count()).toBe(0);
  });

  test('a visitor’s cookie is no way in', async () => {
    const room = newChatRoom();
    await openPage({ cookie: room.visitor });
    await page.getByText('This token is a visitor’s').waitFor();
  });

  test('no other page may hold it, and nothing inline runs in it', async () => {
    const { headers } = await send({ method: 'GET', url: `${server.baseUrl}/dashboard/` });
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
    expect(String(headers['content-type'])).toContain('text/html');
  });

  test('an agent of one chat sees that one, and no files of others', async () => {
    const room = newChatRoom();
    await share(room, 'mine.png');
    await share(newChatRoom(room.company), 'other.png');
    await openPage({ cookie: agentToken(room.company, 'bound', room.session) });
    await chatItem(room).waitFor();
    expect(await chatItems().count()).toBe(1);
    expect(await page.getByRole('link', { name: 'All files' }).count()).toBe(0);
    await share(room, 'live.png');
    await chatItem(room).getByText('live.png').waitFor();
  });
});

describe('the chats', () => {
  test('move up with what comes, say what came last, and are marked until they are opened', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(first);
    expect(await order()).toEqual([second.session, first.session]);
    expect(await page.locator('.new-mark').count()).toBe(0);
    await share(first, 'from the first.png');
    await chatItem(first).getByText('from the first.png').waitFor();
    expect(await order()).toEqual([first.session, second.session]);
    await share(first, 'again.png');
    await chatItem(first).getByText('2 new').waitFor();
    const onlyNew = page.getByRole('button', { name: 'New files' });
    await onlyNew.click();
    expect(await order()).toEqual([first.session]);
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await chatItem(first).click();
    await chatItem(first).locator('.new-mark').waitFor({ state: 'detached' });
    await inChat('again.png').waitFor();
    // Read, it stays until the filter goes, and with nothing new so does the button.
    expect(await order()).toEqual([first.session]);
    await onlyNew.click();
    await onlyNew.waitFor({ state: 'detached' });
    expect(await order()).toEqual([first.session, second.session]);
    // What comes into the open chat is no news, what the agents send is none either.
    await share(first, 'seen at once.png');
    await share(second, 'by an agent.png', agentToken(first.company, 'colleague'));
    await chatItem(second).getByText('by an agent.png').waitFor();
    expect(await page.locator('.new-mark').count()).toBe(0);
    expect(mistakes).toEqual([]);
  });

  test('a mark outlasts a reload, and goes from another tab when the chat is opened in one', async () => {
    const [first] = await twoRooms();
    await openDashboard(first);
    await share(first, 'news.png');
    await chatItem(first).locator('.new-mark').waitFor();
    await page.reload();
    await chatItem(first).locator('.new-mark').waitFor();
    const other = await context.newPage();
    await other.goto(`${server.baseUrl}/dashboard/#/chat/${first.session}`);
    await other.locator('.open-chat article').filter({ hasText: 'news.png' }).waitFor();
    await chatItem(first).locator('.new-mark').waitFor({ state: 'detached' });
  });

  test('show uploads on their way with their percent, as they move, end and are given up', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(first);
    const film = await startFilm(first);
    await chatItem(first).getByText('film.mp4').waitFor();
    await chatItem(first).getByText('30%').waitFor();
    expect(await order()).toEqual([first.session, second.session]);
    await film.sendUntil(700_000);
    await chatItem(first).getByText('70%').waitFor({ timeout: PATIENCE_MS });
    await film.sendUntil(1_000_000);
    await chatItem(first).locator('.ring svg').waitFor({ state: 'detached' });
    await chatItem(first).getByText('film.mp4').waitFor();
    await chatItem(first).getByText('1 new').waitFor();

    const given = await startFilm(second);
    await chatItem(second).locator('.ring svg').waitFor();
    await terminate(given.url, second.visitor);
    await chatItem(second).locator('.ring svg').waitFor({ state: 'detached', timeout: PATIENCE_MS });
    await chatItem(second).getByText('first.png').waitFor();
  });

  test('a chat that nobody knew of appears with its first bytes', async () => {
    const [first] = await twoRooms();
    await openDashboard(first);
    const fresh = newChatRoom(first.company);
    await startFilm(fresh);
    await chatItem(fresh).getByText('30%').waitFor({ timeout: PATIENCE_MS });
    expect((await order())[0]).toBe(fresh.session);
  });

  test('a removed last file gives way to the one before; an emptied chat goes', async () => {
    const [first, second] = await twoRooms();
    const late = await share(first, 'late.png');
    await openDashboard(first);
    await chatItem(first).getByText('late.png').waitFor();
    await remove(`/api/chat/files/${late.id}/`, first);
    await chatItem(first).getByText('first.png').waitFor();
    await remove(`/api/chat/sessions/${second.session}/`, second);
    await chatItem(second).waitFor({ state: 'detached' });
    expect(await order()).toEqual([first.session]);
  });

  test('one that is deleted while it is open says so, and lives again with a new file', async () => {
    const [first] = await twoRooms();
    await openDashboard(first);
    await chatItem(first).click();
    await inChat('first.png').waitFor();
    await remove(`/api/chat/sessions/${first.session}/`, first);
    await page.getByText('This chat was deleted').waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await share(first, 'back again.png');
    await inChat('back again.png').waitFor();
    expect(await page.getByText('This chat was deleted').count()).toBe(0);
  });

  test('a company without chats is told what will happen, and then it does', async () => {
    const room = newChatRoom();
    await openDashboard(room);
    await page.getByText('No chats yet').waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await share(room, 'the very first.png');
    await chatItem(room).getByText('the very first.png').waitFor();
    expect(await page.getByText('No chats yet').count()).toBe(0);
  });

  test('a hundred and twenty come page by page; the search asks the server; a live one moves one row only', async () => {
    const company = 'company-of-a-crowd';
    const rooms: ChatRoom[] = [];
    for (let at = 0; at < 120; at += 1) {
      const session = `chat-${String(at).padStart(3, '0')}`;
      rooms.push({ company, session, visitor: visitorToken(company, session), agent: agentToken(company) });
    }
    for (const room of rooms) await share(room, 'a.txt', room.visitor, textFile());
    const [oldest, second] = rooms as [ChatRoom, ChatRoom];
    await openDashboard(oldest);
    await chatItems().first().waitFor();
    expect(await chatItems().count()).toBeLessThan(120);
    expect(await chatItem(oldest).count()).toBe(0);

    await page.getByRole('searchbox', { name: 'Search chats' }).fill('CHAT-000');
    await chatItem(oldest).waitFor();
    await eventually('only it is there', async () => (await chatItems().count()) === 1);
    await page.getByRole('button', { name: 'Clear the search' }).click();
    await eventually('the newest are there again', async () => (await chatItems().count()) >= 50);

    // One that no page has brought yet comes to the top by its event.
    await share(second, 'hello.txt', second.visitor, textFile());
    await chatItem(second).getByText('hello.txt').waitFor();
    expect((await order())[0]).toBe(second.session);

    await eventually(
      'all are there once the end was reached',
      async () => {
        await page.locator('.list-scroller').evaluate((list) => list.scrollTo(0, list.scrollHeight));
        return (await chatItems().count()) === 120;
      },
      PATIENCE_MS,
    );
    const all = await order();
    expect(new Set(all).size).toBe(120);
    expect(all.slice(1, -1)).toEqual(
      rooms
        .slice(2)
        .map(({ session }) => session)
        .reverse(),
    );
  }, 120_000);
});

describe('what the network does', () => {
  test('a server that was away: nothing is missed, nothing is there twice, the place is kept', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(first);
    await chatItem(first).click();
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await file('first.png').waitFor();
    await page.context().setOffline(true);
    await server.kill('SIGTERM');
    await page.locator('.connection[data-state="reconnecting"]').first().waitFor({ timeout: PATIENCE_MS });
    await server.restart();
    const gone = await share(second, 'gone.png');
    await remove(`/api/chat/files/${gone.id}/`, second);
    await share(second, 'meanwhile.png');
    await share(first, 'here too.png');
    await page.context().setOffline(false);
    await chatItem(second).getByText('meanwhile.png').waitFor({ timeout: PATIENCE_MS });
    await file('here too.png').waitFor({ timeout: PATIENCE_MS });
    expect(await fileNames()).toEqual(['here too.png', 'first.png']);
    expect(page.url()).toContain(`#/chat/${first.session}/files`);
  }, 120_000);

  test('a token that ends: said, everything stays; signed in again, what came meanwhile is there', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(
      first,
      agentToken(first.company, 'short', undefined, { exp: nowSeconds() + SHORT_TOKEN_SECONDS }),
    );
    await chatItem(first).click();
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await page.getByRole('searchbox', { name: 'Search files' }).fill('first');
    await file('first.png').waitFor();
    await page.getByText('You have been signed out').first().waitFor({ timeout: PATIENCE_MS });
    expect(await file('first.png').count()).toBe(1);
    await share(second, 'meanwhile.png');
    await share(first, 'first, again.png');
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await signIn(first.agent);
    await chatItem(second).getByText('meanwhile.png').waitFor({ timeout: PATIENCE_MS });
    await file('first, again.png').waitFor();
    expect(await page.getByRole('searchbox', { name: 'Search files' }).inputValue()).toBe('first');
    expect(await page.getByText('You have been signed out').count()).toBe(0);
    await page.getByRole('link', { name: 'Chat', exact: true }).click();
    await inChat('first, again.png').waitFor({ timeout: PATIENCE_MS });
  }, 120_000);
});

describe('the chosen chat', () => {
  test('an upload of the agent shows in the list, and goes on while another chat is looked at; one that fails says so', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(first);
    await chatItem(first).click();
    await inChat('first.png').waitFor();
    const network = await context.newCDPSession(page);
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1024 * 1024 };
    await network.send('Network.emulateNetworkConditions', slow);
    await pane()
      .locator('input[type=file]')
      .first()
      .setInputFiles(await fileOnDisk('offer.mp4', mp4File(6_000_000)));
    await pane().locator('[data-status="uploading"]').waitFor();
    await chatItem(first).getByText('offer.mp4').waitFor();
    await chatItem(first).locator('.ring svg').waitFor();
    expect((await order())[0]).toBe(first.session);
    await chatItem(second).click();
    await inChat('first.png').waitFor();
    await network.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 });
    await chatItem(first).locator('.ring svg').waitFor({ state: 'detached', timeout: PATIENCE_MS });
    await chatItem(first).getByText('offer.mp4').waitFor();
    await eventually('the first chat is let go', async () => (await page.locator('.open-chat').count()) === 1);

    await chatItem(first).click();
    await page.route('**/api/chat/tus/**', (route) => route.fulfill({ status: 403, json: { code: 'forbidden' } }));
    await pane()
      .locator('input[type=file]')
      .first()
      .setInputFiles({ name: 'refused.png', mimeType: 'image/png', buffer: pngFile() });
    await chatItem(second).click();
    await chatItem(first).getByText('The upload failed').waitFor({ timeout: PATIENCE_MS });
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
  });

  test('the address holds what is shown, and Back leads back', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(first);
    await chatItem(first).click();
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await file('first.png').waitFor();
    await page.reload();
    await file('first.png').waitFor();
    await chatItem(second).click();
    await page.goBack();
    await page.waitForURL(`**/dashboard/#/chat/${first.session}/files`);
    await file('first.png').waitFor();
    expect(await chatItem(first).getAttribute('aria-current')).toBe('page');
  });
});

describe('files', () => {
  test('filters by kind, sender and name, both orders, list and gallery; live, without asking for all again', async () => {
    const room = newChatRoom();
    await share(room, 'Größe.png');
    await share(room, 'contract.pdf', room.agent, pdfFile());
    await share(room, 'film.mp4', room.visitor, mp4File(5000));
    await share(room, 'notes.txt', room.visitor, textFile());
    await openDashboard(room);
    await page.goto(`${server.baseUrl}/dashboard/#/chat/${room.session}/files`);
    await file('notes.txt').waitFor();
    expect(await fileNames()).toEqual(['notes.txt', 'film.mp4', 'contract.pdf', 'Größe.png']);
    await page.getByText('4 files').waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);

    await page.getByLabel('Order').selectOption('oldest');
    await eventually('turned round', async () => (await fileNames())[0] === 'Größe.png');
    await page.getByRole('radio', { name: 'Documents' }).check();
    await eventually('documents', async () => (await fileNames()).join() === 'contract.pdf,notes.txt');
    await page.getByLabel('Sent by').selectOption('agent');
    await eventually('of the agent', async () => (await fileNames()).join() === 'contract.pdf');
    await page.getByRole('radio', { name: 'Audio' }).check();
    await page.getByText('No files found').waitFor();
    await page.getByRole('radio', { name: 'All' }).check();
    await page.getByLabel('Sent by').selectOption('');
    await page.getByLabel('Order').selectOption('newest');
    await page.getByRole('searchbox', { name: 'Search files' }).fill('GRÖSS');
    await page.getByText('No files found').waitFor();
    await page.getByRole('searchbox', { name: 'Search files' }).fill('GRÖß');
    await eventually('by name', async () => (await fileNames()).join() === 'Größe.png');

    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/api/chat/files/?')) asked.push(request.url());
    });
    const match = await share(room, 'GRÖße 2.png');
    await share(room, 'something else.png');
    await eventually('only what matches', async () => (await fileNames()).join() === 'GRÖße 2.png,Größe.png');
    await page.getByText('2 files').waitFor();
    await remove(`/api/chat/files/${match.id}/`, room);
    await eventually('it goes', async () => (await fileNames()).join() === 'Größe.png');
    await page.getByText('1 file', { exact: true }).waitFor();
    expect(asked).toEqual([]);

    await page.getByRole('button', { name: 'Gallery' }).click();
    const picture = page.locator('.file-tile img');
    await eventually('the picture is shown', () => picture.evaluate((img: HTMLImageElement) => img.naturalWidth > 0));
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    expect(mistakes).toEqual([]);
  });

  test('of the whole company, with the chat each came from; one is removed from there for everybody', async () => {
    const [first, second] = await twoRooms();
    await share(second, 'second.png');
    await openDashboard(first);
    await page.getByRole('link', { name: 'All files' }).click();
    await file('second.png').waitFor();
    expect(await fileNames()).toEqual(['second.png', 'first.png', 'first.png']);
    await share(first, 'live.png');
    await file('live.png').waitFor();
    await file('live.png').getByRole('button', { name: 'Delete live.png' }).click();
    await page.keyboard.press('Escape');
    await file('live.png').getByRole('button', { name: 'Delete live.png' }).click();
    await file('live.png').getByRole('button', { name: 'Delete', exact: true }).click();
    await file('live.png').waitFor({ state: 'detached' });
    await file('second.png')
      .getByRole('link', { name: `Open chat ${second.session}` })
      .click();
    await inChat('second.png').waitFor();
  });

  test('the viewer turns over what the filter leaves, as pictures or cards, deletes, and leads to the chat', async () => {
    const [first, second] = await twoRooms();
    await share(second, 'contract.pdf', second.agent, pdfFile());
    await share(second, 'second.png');
    await share(first, 'film.mp4', first.visitor, mp4File(5000));
    await openDashboard(first);
    await page.getByRole('link', { name: 'All files' }).click();
    await page.getByRole('button', { name: 'Gallery' }).click();
    const loaded = page.waitForResponse(/chunk-/);
    await file('film.mp4').getByRole('link').first().click();
    await loaded;
    await viewerShows('film.mp4', '1 of 5');
    await page.keyboard.press('ArrowRight');
    await viewerShows('second.png', '2 of 5');
    await page.keyboard.press('ArrowRight');
    await viewerShows('contract.pdf', '3 of 5');
    await viewer().locator('.slide-card').getByRole('link', { name: 'Download contract.pdf' }).waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await page.keyboard.press('Escape');
    await viewer().waitFor({ state: 'detached' });
    expect(await focusedText()).toContain('film.mp4');

    // What the filter hides is not turned over either; what comes meanwhile is counted.
    await page.getByRole('radio', { name: 'Pictures' }).check();
    await eventually('pictures', async () => (await fileNames()).join() === 'second.png,first.png,first.png');
    await file('second.png').getByRole('link').first().focus();
    await page.keyboard.press('Enter');
    await viewerShows('second.png', '1 of 3');
    await share(first, 'third.png');
    await viewerShows('second.png', '2 of 4');
    const saved = page.waitForEvent('download');
    await viewer().getByRole('link', { name: 'Download second.png' }).click();
    expect((await saved).suggestedFilename()).toBe('second.png');
    await viewer().getByRole('button', { name: 'Delete second.png' }).click();
    await viewer().getByRole('button', { name: 'Delete', exact: true }).click();
    await viewerShows('first.png', '2 of 3');
    await viewer()
      .getByRole('link', { name: `Open chat ${second.session}` })
      .click();
    await viewer().waitFor({ state: 'detached' });
    await inChat('first.png').waitFor();
    expect(await focusedText()).toBe(second.session);
    await page.goBack();
    await page.waitForURL('**/dashboard/#/files');
    await file('third.png').waitFor();
    expect(mistakes).toEqual([]);
  });

  test('all files of a chat are saved as one zip', async () => {
    const room = newChatRoom();
    await share(room, 'first.png');
    await share(room, 'answer.txt', room.agent, textFile());
    await openDashboard(room);
    await chatItem(room).click();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download all files' }).click();
    const archive = await saved;
    expect(archive.suggestedFilename()).toBe(`${room.session}.zip`);
    const entries = await readZip(await readFile(await archive.path()));
    expect(entries.map(({ name }) => name)).toEqual(['first.png', 'answer.txt']);
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    // The chat goes while it is open, and the button with it.
    await send({
      method: 'DELETE',
      url: `${server.baseUrl}/api/chat/sessions/${room.session}/`,
      headers: bearer(room.agent),
    });
    await page.getByRole('button', { name: 'Download all files' }).waitFor({ state: 'detached' });
    expect(mistakes).toEqual([]);
  });

  test('more than a page comes as one scrolls or turns over, each file once', async () => {
    const room = newChatRoom();
    for (let at = 0; at < 70; at += 1) await share(room, `${at}.txt`, room.visitor, textFile());
    await openDashboard(room);
    await page.goto(`${server.baseUrl}/dashboard/#/files`);
    await page.getByText('70 files').waitFor();
    await share(room, 'in between.txt', room.visitor, textFile());
    await file('69.txt').getByRole('link').first().click();
    await viewerShows('69.txt', '2 of 71');
    await viewerShows('0.txt', '71 of 71', 'End');
    await page.keyboard.press('Escape');
    await eventually('all are there', async () => {
      await page.locator('.file-scroller').evaluate((list) => list.scrollTo(0, list.scrollHeight));
      return (await fileNames()).length === 71;
    });
    expect(new Set(await fileNames()).size).toBe(71);
  });
});

describe('by keyboard, and on a phone', () => {
  test('the arrows lead through the chats, Enter opens one, a row that moves keeps the focus', async () => {
    const [first, second] = await twoRooms();
    await openDashboard(first);
    await chatItem(first).waitFor();
    await page.getByRole('searchbox', { name: 'Search chats' }).focus();
    await page.keyboard.press('ArrowDown');
    expect(await focusedChat()).toBe(second.session);
    await page.keyboard.press('ArrowDown');
    expect(await focusedChat()).toBe(first.session);
    await page.keyboard.press('ArrowDown');
    expect(await focusedChat()).toBe(first.session);
    await share(first, 'moves up.png');
    await eventually('it moved', async () => (await order())[0] === first.session);
    expect(await focusedChat()).toBe(first.session);
    await page.keyboard.press('Enter');
    await inChat('moves up.png').waitFor();
    await page.keyboard.press('End');
    expect(await focusedChat()).toBe(second.session);
  });

  test('one pane at a time, with a way back and the focus in its place', async () => {
    const [first] = await twoRooms();
    await openDashboard(first, first.agent, PHONE);
    await chatItem(first).waitFor();
    expect(await page.locator('.content-pane').isVisible()).toBe(false);
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await chatItem(first).click();
    await inChat('first.png').waitFor();
    expect(await page.locator('.list-pane').isVisible()).toBe(false);
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await page.getByRole('link', { name: 'Files', exact: true }).click();
    await file('first.png').waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    await page.getByRole('link', { name: 'Back' }).click();
    await chatItem(first).waitFor();
    expect(await focusedChat()).toBe(first.session);
    await page.setViewportSize({ width: 320, height: 640 });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await overflow()).toBe(0);
    await page.getByRole('link', { name: 'All files' }).click();
    await file('first.png').first().waitFor();
    expect(await overflow()).toBe(0);
  });

  test('in the dark and from right to left', async () => {
    const [first] = await twoRooms();
    await share(first, 'news.png');
    await openPage({ cookie: first.agent, colorScheme: 'dark', locale: 'ar' });
    await chatItem(first).click();
    await inChat('first.png').waitFor();
    expect(await page.locator('html').getAttribute('dir')).toBe('rtl');
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
    const list = await page.locator('.list-pane').boundingBox();
    expect(list?.x).toBeGreaterThan(DESKTOP.width / 2);
    await page.goto(`${server.baseUrl}/dashboard/#/files`);
    await file('first.png').first().waitFor();
    expect(await axeFindings(page, { wholePage: true })).toEqual([]);
  });
});

describe('in development mode', () => {
  test('a button brings in who has no token, and the demo leads there', async () => {
    const demo = await startChatdrop({ development: true });
    try {
      await openPage({ baseUrl: demo.baseUrl, path: '/demo/' });
      await page.locator('chat-files').first().locator('input[type=file]').first().setInputFiles({
        name: 'from the demo.png',
        mimeType: 'image/png',
        buffer: pngFile(),
      });
      await page
        .locator('chat-files')
        .nth(1)
        .locator('article:not([data-status])')
        .filter({ hasText: 'from the demo.png' })
        .waitFor();
      await page.getByRole('link', { name: 'Dashboard' }).click();
      await page.getByRole('button', { name: 'Try it with demo data' }).click();
      await page.locator('.chat-item').getByText('from the demo.png').waitFor();
    } finally {
      await demo.stop();
      await rm(demo.dataDir, { recursive: true, force: true });
    }
  });
});

const field = (): Locator => page.getByLabel('Agent token');
const chatItems = (): Locator => page.locator('.chat-item');
const chatItem = ({ session }: ChatRoom): Locator => page.locator(`.chat-item[data-id="${session}"]`);
const pane = (): Locator => page.locator('.open-chat:not([hidden])');
/** A shared file, not what is said of it to a screen reader at the same time. */
const inChat = (name: string): Locator => pane().locator('article:not([data-status])').filter({ hasText: name });
const file = (name: string): Locator => page.locator('.file-row, .file-tile').filter({ hasText: name });
const viewer = (): Locator => page.getByRole('dialog', { name: 'Viewer' });
const fileNames = (): Promise<string[]> => page.locator('.file-row-name').allTextContents();
const order = async (): Promise<(string | null)[]> =>
  await chatItems().evaluateAll((items) => items.map((item) => item.getAttribute('data-id')));
const focusedChat = (): Promise<string | null | undefined> =>
  page.evaluate(() =>
    document.querySelector('chat-files-dashboard')?.shadowRoot?.activeElement?.getAttribute('data-id'),
  );

/** `key` is pressed again until it does: the next page may still be on its way. */
async function viewerShows(name: string, position: string, key?: string): Promise<void> {
  await eventually(`the viewer shows ${name}`, async () => {
    const [shown, place] = await Promise.all(
      ['.lightbox-caption .file-name', '.lightbox-position'].map((part) => viewer().locator(part).textContent()),
    );
    const isThere = shown === name && place === position;
    if (!isThere && key) await page.keyboard.press(key);
    return isThere;
  });
}

const focusedText = (): Promise<string | null | undefined> =>
  page.evaluate(() => document.querySelector('chat-files-dashboard')?.shadowRoot?.activeElement?.textContent);

async function signIn(token: string): Promise<void> {
  await field().fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Two chats of a company of their own, with a file each; the second one is the newer. */
async function twoRooms(): Promise<[ChatRoom, ChatRoom]> {
  const first = newChatRoom();
  const second = newChatRoom(first.company);
  await share(first, 'first.png');
  await share(second, 'first.png');
  return [first, second];
}

async function share(room: ChatRoom, name: string, token = room.visitor, body = pngFile({ width: 8, height: 6 })) {
  return await shareFile({ baseUrl: server.baseUrl, room, token, name, body });
}

async function remove(path: string, { agent }: ChatRoom): Promise<void> {
  expect((await send({ method: 'DELETE', url: server.baseUrl + path, headers: bearer(agent) })).status).toBe(204);
}

/** A visitor's film of 1,000,000 bytes, of which the first 300,000 are there. */
async function startFilm({ visitor, session }: ChatRoom) {
  const body = mp4File(1_000_000);
  let sent = 300_000;
  const { url } = await create({
    baseUrl: server.baseUrl,
    token: visitor,
    length: body.length,
    metadata: { filename: 'film.mp4', session_id: session },
    body: body.subarray(0, sent),
  });
  return {
    url,
    async sendUntil(end: number): Promise<void> {
      await patch({ url, token: visitor, offset: sent, body: body.subarray(sent, end) });
      sent = end;
    },
  };
}

/** Opens the dashboard as an agent of the room's company and waits until it is live. */
async function openDashboard({ agent }: ChatRoom, token = agent, viewport = DESKTOP): Promise<void> {
  await openPage({ cookie: token, viewport });
  await page.getByText('Live').first().waitFor();
}

async function openPage(
  options: {
    baseUrl?: string;
    path?: string;
    cookie?: string;
    viewport?: { width: number; height: number };
    colorScheme?: 'light' | 'dark';
    locale?: string;
  } = {},
): Promise<void> {
  const { baseUrl = server.baseUrl, path = '/dashboard/', cookie, ...rest } = options;
  context = await browser.newContext({ viewport: DESKTOP, reducedMotion: 'reduce', locale: 'en-US', ...rest });
  if (cookie !== undefined) await context.addCookies([{ name: 'chatdrop', value: cookie, url: baseUrl }]);
  page = await context.newPage();
  mistakes = [];
  page.on('pageerror', (error) => mistakes.push(error.message));
  page.on('console', (message) => {
    // A status is no mistake of the page: the first question is whether there is a cookie.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      mistakes.push(message.text());
  });
  await page.goto(baseUrl + path);
}
