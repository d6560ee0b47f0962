/** Prometheus' text, read into samples, and a life of a server that leaves something in each of its metrics. */
import { expect } from 'vitest';
import { get } from './chat-api.ts';
import { newChatRoom } from './chat-room.ts';
import { exeFile, pngFile } from './fixtures.ts';
import { sendMultipart } from './multipart.ts';
import { plainSocket } from './plain-socket.ts';
import { recordSocket } from './socket-recorder.ts';
import { create, fileIdOf, head, offsetOf, patch, terminate } from './tus-wire.ts';
import { send } from './wire.ts';

export const METRICS_TOKEN = 'prometheus-and-nobody-but-prometheus';
/** Of a file; no metric may hold it. */
export const SECRET_NAME = 'diagnosis-of-a-patient';

type Labels = Record<string, string>;
export type Samples = {
  text: string;
  /** The sum of all samples of that name with these labels, and whatever others; undefined if there is none. */
  value(name: string, labels?: Labels): number | undefined;
  labelsOf(name: string | RegExp): Labels[];
  count(name: RegExp): number;
  /** Names with their labels, as a query may use them. */
  names(): Set<string>;
};

export async function readMetrics(baseUrl: string): Promise<Samples> {
  const answer = await get(baseUrl, '/metrics', METRICS_TOKEN);
  expect(answer.status).toBe(200);
  return samplesOf(answer.body.toString());
}

function samplesOf(text: string): Samples {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', inside = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const labels = Object.fromEntries(
        [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, of]) => [key, of]),
      );
      return { name, labels: labels as Labels, value: Number(value) };
    });
  const named = (name: string | RegExp) =>
    typeof name === 'string' ? (of: string) => of === name : (of: string) => name.test(of);
  return {
    text,
    value(name, labels = {}) {
      const found = samples.filter(
        (sample) => sample.name === name && Object.entries(labels).every(([key, of]) => sample.labels[key] === of),
      );
      return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
    },
    labelsOf: (name) => samples.filter((sample) => named(name)(sample.name)).map(({ labels }) => labels),
    count: (name) => samples.filter((sample) => name.test(sample.name)).length,
    names: () => new Set(samples.map(({ name }) => name)),
  };
}

/** Uploads in each way, with each end but the expiry; sockets of both kinds, which stay open until `close`. */
export async function liveThrough(baseUrl: string) {
  const room = newChatRoom();
  const token = room.visitor;
  const file = pngFile({ bytes: 20_000 });
  const metadata = { filename: `${SECRET_NAME}.png` };
  const socket = recordSocket({ baseUrl, auth: { token } });
  await socket.waitForEvent('connection_established');
  const headers = { authorization: `Bearer ${token}` };
  const plain = plainSocket(`${baseUrl}/ws/chat/${room.company}/${room.session}/`, { headers });
  await plain.waitFor('connection_established');

  const half = { baseUrl, token, length: file.length, body: file.subarray(0, 5000), metadata };
  const resumed = await create(half);
  expect(offsetOf(await head(resumed.url, token))).toBe(5000);
  const last = await patch({ url: resumed.url, token, offset: 5000, body: file.subarray(5000) });
  expect(last.status).toBe(204);
  expect((await create({ ...half, length: undefined, body: exeFile() })).status).toBe(415);
  expect((await create({ baseUrl, token, length: 2 ** 40, metadata })).status).toBe(413);
  expect((await create(half)).status).toBe(201);
  const parts: string[] = [];
  for (const body of [file.subarray(0, 9000), file.subarray(9000)])
    parts.push((await create({ baseUrl, token, body, headers: { 'upload-concat': 'partial' } })).url);
  const joined = await create({ baseUrl, token, metadata, headers: { 'upload-concat': `final;${parts.join(' ')}` } });
  expect(joined.status).toBe(201);
  const fields = { company_id: room.company, session_id: room.session };
  const whole = await sendMultipart({
    baseUrl,
    token,
    fields,
    file: { body: file, name: `${SECRET_NAME}.png`, type: 'image/png' },
  });
  expect(whole.status).toBe(201);
  const content = await get(baseUrl, `/api/chat/files/${fileIdOf(last)}/content`, token);
  expect(content.body).toHaveLength(file.length);
  expect((await get(baseUrl, `/nowhere/${room.session}`)).status).toBe(404);
  for (let time = 0; time < 2; time += 1) expect((await get(baseUrl, '/api/chat/files/?q=secret')).status).toBe(401);
  const cancelled = await create(half);
  expect((await terminate(cancelled.url, token)).status).toBe(204);
  expect((await send({ method: 'GET', url: `${baseUrl}/readyz` })).status).toBe(200);
  return {
    ...room,
    fileId: `/${fileIdOf(last)}`,
    sharedBytes: 3 * file.length,
    downloadedBytes: file.length,
    close() {
      socket.close();
      plain.close();
    },
  };
}
