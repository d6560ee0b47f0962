/** The demo page in a real Chromium: both sides, and everything that can go wrong on the way. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Browser, CDPSession, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, mp4Stream, pngFile, sha256Of } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { jsonOf, send } from '../services/wire.ts';

const MIB = 1024 * 1024;
/** A slow machine needs its time; nothing here waits for the clock. */
const PATIENCE_MS = 60_000;

type Tokens = { company_id: string; session_id: string; user_token: string; agent_token: string };

let server: Chatdrop;
let browser: Browser;
let folder: string;
let page: Page;
let mistakes: string[];
let network: CDPSession | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-demo-'));
  server = await startChatdrop({ development: true, env: { CHAT_MAX_FILE_SIZE: '300MB' } });
  browser = await launchChromium();
});

afterEach(async () => {
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('both sides', () => {
  test('a picture goes over and is shown as one, a text comes back, and either is named in full', async () => {
    await openDemo();
    const name = 'Ein ziemlich langer Name mit Umlauten äöü und 漢字, der nicht abgeschnitten werden darf (1).png';
    await choose('user', await fileNamed(name, pngFile({ width: 40, height: 30 })));
    await sharedCard('agent', name).waitFor();
    await sharedCard('user', name).waitFor();
    expect(await sharedCard('agent', name).locator('.file-name').textContent()).toBe(name);
    const picture = sharedCard('agent', name).locator('img');
    await eventually(
      'the picture is shown',
      async () => await picture.evaluate((img: HTMLImageElement) => img.naturalWidth === 40),
    );

    // On a phone, where the other side is out of view, its tab counts what comes.
    await page.locator('.tabs button').filter({ hasText: 'Agent1 new' }).waitFor({ state: 'attached' });
    await choose('agent', await fileNamed('answer.txt', Buffer.from('Here you are.\n')));
    await sharedCard('user', 'answer.txt').waitFor();
    expect(mistakes).toEqual([]);
  });

  test('several at once, each once; a removed one goes from both', async () => {
    await openDemo();
    const names = ['one.png', 'two.png', 'three.png'];
    await choose(
      'user',
      ...(await Promise.all(names.map((name, seed) => fileNamed(name, pngFile({ seed: seed + 1 }))))),
    );
    for (const name of names) await sharedCard('agent', name).waitFor();
    await sharedCard('agent', 'two.png').getByRole('button', { name: 'Delete two.png' }).click();
    await sharedCard('agent', 'two.png').getByRole('button', { name: 'Delete', exact: true }).click();
    for (const side of ['user', 'agent'] as const) {
      await sharedCard(side, 'two.png').waitFor({ state: 'detached' });
      expect(await cards(side).locator('.file-name').allTextContents()).toEqual(
        expect.arrayContaining(['one.png', 'three.png']),
      );
      expect(await cards(side).count()).toBe(2);
    }
  });

  test('a dropped file and a pasted one arrive', async () => {
    await openDemo();
    await give('drop', 'dropped.txt');
    await sharedCard('agent', 'dropped.txt').waitFor();
    await pane('user').click();
    await give('paste', 'pasted.txt');
    await eventually(
      'the pasted file is on both sides',
      async () => (await cards('user').count()) === 2 && (await cards('agent').count()) === 2,
    );
  });

  test('an upload can be paused, goes on, and can be cancelled', async () => {
    await openDemo();
    await slowDown(MIB / 8);
    // No more than is given up without a question.
    await choose('user', await bigFile('film.mp4', 9));
    await uploadCard('film.mp4').getByRole('button', { name: 'Pause film.mp4' }).click();
    await uploadCard('film.mp4')
      .getByText(/paused/i)
      .waitFor();
    await uploadCard('film.mp4').getByRole('button', { name: 'Resume film.mp4' }).click();
    await eventually(
      'the other side sees it coming',
      async () => await pane('agent').getByText('film.mp4').isVisible(),
      PATIENCE_MS,
    );
    await uploadCard('film.mp4').getByRole('button', { name: 'Cancel film.mp4' }).click();
    await uploadCard('film.mp4').waitFor({ state: 'detached' });
    expect(await cards('agent').count()).toBe(0);
  });
});

describe('what is refused', () => {
  test('a program named .png says so in a sentence, and the other side sees nothing of it', async () => {
    await openDemo();
    await choose('user', await fileNamed('holiday.png', Buffer.concat([exeFile(), Buffer.alloc(12 * MIB)])));
    await uploadCard('holiday.png')
      .getByText(/program/i)
      .waitFor();
    expect(await cards('agent').count()).toBe(0);
    expect(await pane('agent').getByText('holiday.png').count()).toBe(0);
  });

  test('a browser that sends it sees 415 and 413, not a broken connection', async () => {
    const { user_token: token } = await openDemo();
    const statuses = await page.evaluate(async (bearer) => {
      const headers = { Authorization: `Bearer ${bearer}`, 'Tus-Resumable': '1.0.0' };
      // More than lies in the buffers between a browser and the server.
      const size = 12 * 1024 * 1024;
      const created = await fetch('/api/chat/tus/', {
        method: 'POST',
        headers: { ...headers, 'Upload-Length': String(size) },
      });
      const program = new Uint8Array(size);
      program.set([0x4d, 0x5a, 0x90, 0, 3]);
      const patched = await fetch(String(created.headers.get('Location')), {
        method: 'PATCH',
        headers: { ...headers, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
        body: program,
      });
      const tooLarge = await fetch('/api/chat/tus/', {
        method: 'POST',
        headers: {
          ...headers,
          'Upload-Length': String(301 * 1024 * 1024),
          'Content-Type': 'application/offset+octet-stream',
        },
        body: program,
      });
      return [patched.status, (await patched.json()).code, tooLarge.status, (await tooLarge.json()).code];
    }, token);
    expect(statuses).toEqual([415, 'executable', 413, 'file-too-large']);
  });
});

describe('bad luck on the way', () => {
  test('the cable is pulled in the middle: it goes on by itself', async () => {
    await openDemo();
    await slowDown(2 * MIB);
    await choose('user', await bigFile('tunnel.mp4', 20));
    await underWay('tunnel.mp4');
    await setNetwork(true, 0);
    await uploadCard('tunnel.mp4')
      .getByText(/network/i)
      .waitFor();
    await fullSpeed();
    await sharedCard('agent', 'tunnel.mp4').waitFor({ timeout: PATIENCE_MS });
    await expectSameBytes('tunnel.mp4', 20);
  });

  test('the page is reloaded in the middle of 50 MB: the file is chosen again and goes on from its offset', async () => {
    await openDemo();
    await slowDown(5 * MIB);
    const file = await bigFile('reload.mp4', 50);
    await choose('user', file);
    await underWay('reload.mp4');
    await page.reload();
    await fullSpeed();
    const offsets: number[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
    });
    const offer = pane('user').getByRole('button', { name: /Go on with reload\.mp4/ });
    const chooser = page.waitForEvent('filechooser');
    await offer.click();
    await (await chooser).setFiles(file);
    await sharedCard('agent', 'reload.mp4').waitFor({ timeout: PATIENCE_MS });
    expect(Math.min(...offsets)).toBeGreaterThan(5 * MIB);
    await expectSameBytes('reload.mp4', 50);
  });

  test('the server is killed in the middle of 60 MB: the other side gets it once, with the same bytes', async () => {
    const tokens = await openDemo();
    const agent = recordSocket({ baseUrl: server.baseUrl, auth: { token: tokens.agent_token }, reconnection: true });
    await agent.waitForEvent('connection_established');
    await slowDown(5 * MIB);
    await choose('user', await bigFile('big.mp4', 60));
    await underWay('big.mp4');
    const [upload] = await unfinished(tokens);
    await server.kill('SIGKILL');
    // So slow that the film is not there before those who are to hear of it.
    await slowDown(MIB / 8);
    await server.restart();
    await eventually(
      'the other side is back',
      async () => agent.payloads('connection_established').length === 2,
      PATIENCE_MS,
    );
    await fullSpeed();
    const [after] = await unfinished(tokens);
    expect(after?.offset).toBeGreaterThan(0);
    expect(after?.offset).toBeGreaterThanOrEqual(upload?.offset ?? 0);
    for (const side of ['agent', 'user'] as const) {
      await sharedCard(side, 'big.mp4').waitFor({ timeout: PATIENCE_MS });
      expect(await cards(side).count()).toBe(1);
    }
    await agent.waitForEvent('file_shared', PATIENCE_MS);
    expect(agent.payloads('file_shared')).toHaveLength(1);
    agent.close();
    await expectSameBytes('big.mp4', 60);
  }, 240_000);
});

/** A new chat in a new profile. @returns the tokens that the page was given */
async function openDemo(): Promise<Tokens> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  mistakes = [];
  network = undefined;
  page.on('pageerror', (error) => mistakes.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') mistakes.push(message.text());
  });
  const answer = await page.goto(`${server.baseUrl}/demo/`);
  const [, brought = ''] = /data-tokens="([^"]*)"/.exec((await answer?.text()) ?? '') ?? [];
  const tokens = JSON.parse(brought.replaceAll('&#34;', '"')) as Tokens;
  await pane('user').getByText('Live').waitFor();
  await pane('agent').getByText('Live').waitFor();
  return tokens;
}

function pane(side: 'user' | 'agent'): Locator {
  return page.locator(`[data-side=${side}]`);
}

/** Shared files; uploads on their way carry a status. */
function cards(side: 'user' | 'agent'): Locator {
  return pane(side).locator('article:not([data-status])');
}

function sharedCard(side: 'user' | 'agent', name: string): Locator {
  return cards(side).filter({ hasText: name });
}

function uploadCard(name: string): Locator {
  return pane('user').locator('article[data-status]').filter({ hasText: name });
}

async function choose(side: 'user' | 'agent', ...files: string[]): Promise<void> {
  await pane(side).locator('input[type=file]').first().setInputFiles(files);
}

async function fileNamed(name: string, content: Buffer): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

async function bigFile(name: string, mebibytes: number): Promise<string> {
  const file = join(folder, name);
  await pipeline(mp4Stream(mebibytes * MIB), createWriteStream(file));
  return file;
}

/** Real drop and paste events with a file in them; the mouse and the clipboard of a headless browser carry none. */
async function give(kind: 'drop' | 'paste', name: string): Promise<void> {
  await pane('user').evaluate(
    (target, [event, fileName]) => {
      const data = new DataTransfer();
      data.items.add(new File(['some text\n'], String(fileName), { type: 'text/plain' }));
      const options = { bubbles: true, cancelable: true, composed: true };
      if (event === 'paste') target.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: data }));
      else
        for (const step of ['dragenter', 'dragover', 'drop'])
          target.dispatchEvent(new DragEvent(step, { ...options, dataTransfer: data }));
    },
    [kind, name],
  );
}

async function slowDown(bytesPerSecond: number): Promise<void> {
  await setNetwork(false, bytesPerSecond);
}

async function fullSpeed(): Promise<void> {
  await setNetwork(false, -1);
}

/** Both by one CDP session: a second one would lift the first one's limits. */
async function setNetwork(offline: boolean, uploadThroughput: number): Promise<void> {
  if (network === undefined) {
    network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
  }
  const conditions = { offline, latency: 0, downloadThroughput: -1, uploadThroughput };
  await network.send('Network.emulateNetworkConditions', conditions);
}

/** A fifth of it has gone; at the speeds above the rest takes far longer than what the test does next. */
async function underWay(name: string): Promise<void> {
  const progress = uploadCard(name).locator('progress, [role=progressbar]');
  await eventually(
    `${name} is on its way`,
    async () => {
      const part = await progress.evaluate((bar) =>
        bar instanceof HTMLProgressElement ? bar.position : Number(bar.ariaValueNow) / 100,
      );
      return part > 0.2;
    },
    PATIENCE_MS,
  );
}

async function unfinished({ session_id, user_token }: Tokens): Promise<{ offset: number }[]> {
  const url = `${server.baseUrl}/api/chat/uploads/?session_id=${session_id}`;
  const answer = await send({ method: 'GET', url, headers: { authorization: `Bearer ${user_token}` } });
  return jsonOf<{ uploads: { offset: number }[] }>(answer).uploads;
}

async function expectSameBytes(name: string, mebibytes: number): Promise<void> {
  const link = await sharedCard('agent', name)
    .getByRole('link', { name: `Download ${name}` })
    .getAttribute('href');
  const fetched = await send({ method: 'GET', url: String(link), timeoutMs: PATIENCE_MS });
  expect(await sha256Of(fetched.body)).toBe(await sha256Of(mp4Stream(mebibytes * MIB)));
}
