/** One message to a receiver that means no good: redirects, endless answers, silence, names that lead inside. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { privateTargets, readPrivateTarget } from '../../server/rules/webhook-target.ts';
import { createPostWebhook } from '../../server/webhooks/post-webhook.ts';
import { createResolveHost, type Resolved } from '../../server/webhooks/resolve-host.ts';
import { makeCertificate } from '../services/certificate.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../services/webhook-receiver.ts';

const OWN = privateTargets(['127.0.0.1/32', 'hooks.test'].map(readPrivateTarget));
const NEVER = new AbortController().signal;
/** For what never comes. */
const SHORT_MS = 500;
let receiver: WebhookReceiver;
let decoy: Server;
let decoyPort: number;
let decoyAsked = 0;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  decoy = createServer((_request, response) => {
    decoyAsked += 1;
    response.end('inside');
  }).listen(0, '127.0.0.1');
  await once(decoy, 'listening');
  decoyPort = (decoy.address() as AddressInfo).port;
});
afterAll(async () => {
  await receiver?.close();
  decoy?.close();
});

const post = (url: string, needs: Partial<Parameters<typeof createPostWebhook>[0]> = {}, stopping = NEVER) =>
  createPostWebhook({ allowed: OWN, resolve: createResolveHost(OWN), ...needs })(
    url,
    { 'webhook-id': 'msg_1', 'Content-Type': 'a/b' },
    '{}',
    stopping,
  );

describe('an answer', () => {
  test('that wants another protocol, or none at all, ends at once', async () => {
    const server = createNetServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (request) => {
        if (!String(request).includes('/upgrade')) return socket.destroy();
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(post(`${at}/upgrade`)).rejects.toThrow('it wants to speak another protocol');
    await expect(post(`${at}/nothing`)).rejects.toThrow('it broke the connection off');
    server.close();
  });

  test('is its status and its beginning; the body came as it was sent', async () => {
    receiver.answer('/ok', (response) => response.writeHead(202).end('taken \0 by me'));
    expect(await post(receiver.url('/ok'))).toEqual({
      status: 202,
      body: 'taken \u{FFFD} by me',
      retryAfter: undefined,
    });
    expect(receiver.received('/ok')).toMatchObject([{ id: 'msg_1', body: '{}', headers: { 'content-length': '2' } }]);
  });

  test('that never ends is cut after 1 KiB, and its connection with it', async () => {
    let closed = false;
    receiver.answer('/endless', (response, socket) => {
      socket.once('close', () => {
        closed = true;
      });
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const answer = await post(receiver.url('/endless'));
    expect([answer.status, answer.body.length]).toEqual([200, 1024]);
    await expect.poll(() => closed, { timeout: 60_000 }).toBe(true);
  });

  test('that stops in the middle, or breaks off there, is still one', async () => {
    receiver.answer('/stops', (response) => void response.writeHead(200, { 'Content-Length': '100' }).write('some'));
    expect(await post(receiver.url('/stops'))).toMatchObject({ status: 200, body: 'some' });
    receiver.answer('/breaks', (response, socket) => {
      response.writeHead(500, { 'Content-Length': '100' });
      response.write('some', () => socket.destroy());
    });
    expect(await post(receiver.url('/breaks'))).toMatchObject({ status: 500 });
  });

  test('that leads elsewhere is the answer: nobody goes there', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const to = status === 302 ? 'http://169.254.169.254/latest/meta-data/' : `http://127.0.0.1:${decoyPort}/`;
      receiver.answer(`/moved-${status}`, (response) => response.writeHead(status, { Location: to }).end());
      expect(await post(receiver.url(`/moved-${status}`))).toMatchObject({ status });
    }
    expect(decoyAsked).toBe(0);
  });
});

describe('no answer', () => {
  test('is a sentence that holds neither path nor query', async () => {
    receiver.answer('/closes', (_response, socket) => void socket.destroy());
    receiver.answer('/garbage', (_response, socket) => void socket.end('this is not HTTP\r\n\r\n'));
    receiver.answer('/headers', (_response, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const line = `x: ${'y'.repeat(1000)}\r\n`;
      for (let lines = 0; lines < 100; lines += 1) socket.write(line);
    });
    for (const path of ['/closes?key=s3cret', '/garbage?key=s3cret', '/headers?key=s3cret']) {
      await expect(post(receiver.url(path))).rejects.toThrow(/^(?!.*s3cret)it |^the connection failed: [A-Z_]+$/);
    }
    await expect(post('http://127.0.0.1:1/x?key=s3cret')).rejects.toThrow('nobody listens there');
  });

  test('within the time is one: a receiver that says nothing, a name that is not found out', async () => {
    receiver.answer('/silent', () => {});
    const words = 'it did not answer within 0.5 seconds';
    await expect(post(receiver.url('/silent'), { timeoutMs: SHORT_MS })).rejects.toThrow(words);
    const resolve = () => new Promise<Resolved[]>(() => {});
    await expect(post('http://hooks.test/', { timeoutMs: SHORT_MS, resolve })).rejects.toThrow(words);
  });

  test('is waited for no longer once the server stops', async () => {
    const stopping = new AbortController();
    receiver.answer('/stopped', () => stopping.abort());
    await expect(post(receiver.url('/stopped'), {}, stopping.signal)).rejects.toThrow();
  });

  test('is what a receiver without TLS gets where it is to have it', async () => {
    await expect(post(`https://127.0.0.1:${decoyPort}/`)).rejects.toThrow(/^the connection failed: /);
    expect(decoyAsked).toBe(0);
  });
});

describe('a certificate', () => {
  let folder = '';
  let front: https.Server;
  const asked: string[] = [];
  let url = '';
  let certificate = '';
  const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-webhook-'));
    const made = await makeCertificate(folder, 'hooks.test');
    certificate = await readFile(made.certificate, 'utf8');
    const options = { key: await readFile(made.key), cert: certificate };
    front = https.createServer(options, (request, response) => {
      asked.push(`${request.headers.host} ${(request.socket as TLSSocket).servername}`);
      response.end('taken');
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    url = `https://hooks.test:${(front.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    front?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('that nobody vouches for, or of another name, is not spoken to; one that is good is, by its name', async () => {
    await expect(post(url, { resolve })).rejects.toThrow('the connection failed: DEPTH_ZERO_SELF_SIGNED_CERT');
    const before = getCACertificates('default');
    setDefaultCACertificates([certificate]);
    try {
      expect(await post(url, { resolve })).toMatchObject({ status: 200, body: 'taken' });
      const other = url.replace('hooks.test', 'other.test');
      const allowed = privateTargets(['other.test']);
      await expect(post(other, { resolve, allowed })).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID');
    } finally {
      setDefaultCACertificates(before);
    }
    expect(asked).toEqual([`${new URL(url).host} hooks.test`]);
  });
});

describe('a name', () => {
  test('is looked up once, and what was checked is connected to, whatever it leads to by then', async () => {
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return asked.length === 1 ? [{ address: '127.0.0.1', family: 4 }] : [{ address: '203.0.113.9', family: 4 }];
    };
    receiver.answer('/pinned', (response) => response.end('here'));
    const url = `http://hooks.test:${receiver.port}/pinned`;
    expect(await post(url, { resolve })).toMatchObject({ status: 200, body: 'here' });
    expect(asked).toEqual(['hooks.test']);
    expect(receiver.received('/pinned')).toMatchObject([{ headers: { host: `hooks.test:${receiver.port}` } }]);
  });

  test('that leads inside, also by one of several addresses, is connected to by none of them', async () => {
    for (const addresses of [
      ['127.0.0.1'],
      ['8.8.8.8', '127.0.0.1'],
      ['::1'],
      ['169.254.169.254'],
      ['::ffff:127.0.0.1'],
      ['64:ff9b::7f00:1'],
      ['10.0.0.1'],
      [],
    ]) {
      const resolve = async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      const needs = { resolve, allowed: privateTargets([]) };
      const fault = post(`https://example.com:${decoyPort}/`, needs);
      await expect(fault).rejects.toThrow(addresses.length === 0 ? 'no address' : 'a private address');
    }
    expect(decoyAsked).toBe(0);
  });

  test('of an address that may not be any more is not looked up', async () => {
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [];
    };
    const needs = { resolve, allowed: privateTargets([]) };
    await expect(post(receiver.url('/any'), needs)).rejects.toThrow('must begin with https://');
    expect(asked).toBe(0);
  });
});
