/** Names, asked of a DNS server of the test's own. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { privateTargets } from '../../server/rules/webhook-target.ts';
import { createResolveHost } from '../../server/webhooks/resolve-host.ts';

/** RFC 1035 section 3.2.2, RFC 3596. */
const [A, AAAA] = [1, 28];
const FOUR = Buffer.from([10, 0, 0, 1]);
const SIX = Buffer.from('fe800000000000000000000000000001', 'hex');
const RECORDS: Record<string, { type: number; data: Buffer }[]> = {
  'both.test': [
    { type: A, data: FOUR },
    { type: AAAA, data: SIX },
  ],
  'six.test': [{ type: AAAA, data: SIX }],
};
const NOT_THERE = 3;

let dns: Socket;
let servers: string[];
const asked: string[] = [];

beforeAll(async () => {
  dns = createSocket('udp4', (question, from) => dns.send(answerTo(question), from.port, from.address));
  dns.bind(0, '127.0.0.1');
  await once(dns, 'listening');
  servers = [`127.0.0.1:${dns.address().port}`];
});
afterAll(() => dns?.close());

test('a stranger’s name is asked of DNS, for both kinds of address', async () => {
  const resolve = createResolveHost(privateTargets([]), servers);
  expect(await resolve('both.test')).toEqual([
    { address: '10.0.0.1', family: 4 },
    { address: 'fe80::1', family: 6 },
  ]);
  expect(await resolve('six.test')).toEqual([{ address: 'fe80::1', family: 6 }]);
  await expect(resolve('nothing.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  expect(new Set(asked)).toEqual(new Set(['both.test', 'six.test', 'nothing.test']));
});

test('an address is itself, and a name that the operator listed may be this machine’s own', async () => {
  asked.length = 0;
  const resolve = createResolveHost(privateTargets(['localhost']), servers);
  expect(await resolve('192.0.2.1')).toEqual([{ address: '192.0.2.1', family: 4 }]);
  expect((await resolve('LocalHost')).map(({ address }) => address)).toContain('127.0.0.1');
  expect(asked).toEqual([]);
});

/** One question, and the records of its type; RFC 1035 section 4.1. */
function answerTo(question: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.subarray(at + 1, at + 1 + length).toString());
    at += 1 + length;
  }
  const type = question.readUInt16BE(at + 1);
  const end = at + 5;
  const name = labels.join('.').toLowerCase();
  asked.push(name);
  const records = RECORDS[name];
  const answers = (records ?? []).filter((record) => record.type === type);
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (records === undefined ? NOT_THERE : 0), 2);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt32BE(0, 8);
  const written = answers.map(({ data }) => {
    const record = Buffer.alloc(12);
    // The name is that of the question; class IN, a time to live of none.
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([header, question.subarray(12, end), ...written]);
}
