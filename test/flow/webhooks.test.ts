/** Webhooks of companies, from the change to a receiver that verifies them: what is told, how often, and where never. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented, type ExpectDocumented } from '../services/documented.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { startWebhookReceiver, verified, type WebhookReceiver } from '../services/webhook-receiver.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const server = chatdropForSuite({ env: { ADMIN_TOKEN, WEBHOOK_ALLOW_PRIVATE: '127.0.0.1' } });
let receiver: WebhookReceiver;
let expectDocumented: ExpectDocumented;
beforeAll(async () => {
  expectDocumented = createExpectDocumented(
    jsonOf(await send({ method: 'GET', url: `${server().baseUrl}/openapi.json` })),
  );
  receiver = await startWebhookReceiver();
});
afterAll(() => receiver?.close());

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
type Answer = any;
type Endpoint = { id: number; secret: string; path: string };

describe('a file that is shared', () => {
  test('is told to the endpoint of its company, signed, with links that work', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/shared');
    const other = await addEndpoint(newChatRoom(), '/another-company');
    const file = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile(), name: 'photo.png' });
    const [received] = await receiver.waitFor(endpoint.path, 1);
    if (received === undefined) throw new Error('It has not come.');
    const { url, thumbnail, ...facts } = file;
    expect(verified(received, endpoint.secret)).toMatchObject({
      type: 'file.shared',
      timestamp: file.created_at,
      data: facts,
    });
    expect(() => verified(received, other.secret)).toThrow();
    expect(() => verified({ ...received, body: received.body.replace('photo', 'photp') }, endpoint.secret)).toThrow();
    const { data } = verified(received, endpoint.secret);
    expect((await send({ method: 'GET', url: data.url })).body.equals(pngFile())).toBe(true);
    await delivered(room, endpoint, 1);
    expect(receiver.received(endpoint.path)).toHaveLength(1);
    expect(receiver.received(other.path)).toEqual([]);
  });
});

async function addEndpoint(room: ChatRoom, name: string, more: object = {}): Promise<Endpoint> {
  const path = `${name}-${room.company}`;
  const answer = await admin('POST', room, '', { url: receiver.url(path), ...more });
  expect(answer.status).toBe(201);
  const { id, secret } = jsonOf<Answer>(answer);
  return { id, secret, path };
}

/** Once so many of its deliveries have been taken. @returns the log, newest first */
function delivered(room: ChatRoom, { id }: Endpoint, count: number): Promise<Answer[]> {
  return eventually(`${count} deliveries are noted`, async () => {
    const { deliveries } = jsonOf<Answer>(await admin('GET', room, `${id}/deliveries/`));
    return deliveries.filter(({ state }: Answer) => state === 'delivered').length >= count && deliveries;
  });
}

async function admin(method: string, { company }: ChatRoom, path: string, body?: object): Promise<WireAnswer> {
  const all = '/api/admin/companies/{company}/webhooks/';
  const url = server().baseUrl + all.replace('{company}', company) + path;
  const answer = await send({
    method,
    url,
    headers: bearer(ADMIN_TOKEN),
    ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
  });
  const shape = path.replace(/\?.*/, '').replace(/^\d+/, '{webhook}').replace(/\d+/, '{delivery}');
  expectDocumented(`${method} ${all}${shape}`, answer);
  return answer;
}
