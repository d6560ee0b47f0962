/** The table of settings: name, default, meaning, example. The README and `--help` are held against it by a test. */
import {
  readAddresses,
  readBaseUrl,
  readBoolean,
  readChoice,
  readDuration,
  readInteger,
  readList,
  readOrigin,
  readSecret,
  readSize,
  readText,
  readTrustProxy,
  readUrl,
} from './config-values.ts';
import type { ClamdAddress } from './rules/clamd-address.ts';
import { DEFAULT_ALLOWED_TYPES } from './rules/file-types.ts';
import { readPublicKeys } from './rules/public-keys.ts';
import { isTypePattern } from './rules/type-patterns.ts';
import { readPrivateTarget } from './rules/webhook-target.ts';

export type Setting<T> = {
  read: (text: string) => T;
  /** Text that stands for the value when the setting is missing; without it the value is undefined. */
  fallback?: string;
  /** One line for the table in the README. */
  meaning: string;
  /** A value that works, shown with a fault. */
  example: string;
  /** Never printed. */
  secret?: true;
};

/** Every setting this version understands. */
export const SETTINGS = {
  PORT: setting(readInteger(0, 65_535), 'port of HTTP, tus and sockets; 0 picks a free one', '8001', '8001'),
  WS_PORT: setting(
    readInteger(1, 65_535),
    'a second port with the plain WebSocket only, for old clients that expect it on its own',
    '8000',
  ),
  WS_TOKEN_IN_QUERY: setting(
    readBoolean,
    'the plain WebSocket takes its token from the address, `?token=`, as the original did; other ways are safer, since addresses end up in logs of proxies',
    'false',
    'true',
  ),
  HOST: setting(readText, 'address to listen on', '0.0.0.0', '127.0.0.1'),
  DATA_DIR: setting(readText, 'folder of the database and, by default, the files', '/var/lib/chatdrop', './data'),
  MEDIA_ROOT: setting(readText, 'folder of the files; `DATA_DIR/media` if not set', '/srv/chatdrop-media'),
  MEDIA_URL: setting(readMediaUrl, 'path of the signed links', '/media/', '/media/'),
  PUBLIC_URL: setting(
    readBaseUrl,
    'address that links are made with; `http://HOST:PORT` if not set',
    'https://files.example.com',
  ),
  FILES_ORIGIN: setting(
    readOrigin,
    'origin that links to files lead to, another than that of `PUBLIC_URL`; it leads to this server too, which answers with files there and with nothing else',
    'https://usercontent.example.net',
  ),
  ALLOWED_ORIGINS: setting(
    readList(readOrigin),
    "origins of the pages that may connect; the server's own always may",
    'https://example.com, https://app.example.com',
    '',
  ),
  TRUST_PROXY: setting(
    readTrustProxy,
    'proxies before the server whose `X-Forwarded-For` counts: how many, or a list of their addresses and networks',
    '1',
    '0',
  ),
  JWT_SECRET: secret(
    readJwtSecret,
    'key of the HS256 tokens, at least 32 bytes; without any of the three keys the server is in development mode',
  ),
  JWT_PUBLIC_KEY: {
    ...setting(
      readPublicKeys,
      'public key of RS256, ES256 or EdDSA tokens: PEM (SPKI; several one after another), a JWK or a JWK set',
      '"$(cat jwt-public.pem)", the output of `openssl pkey -in jwt-private.pem -pubout`',
    ),
    // Not printed with a fault: the fault may be that it is the private key.
    secret: true as const,
  },
  JWT_JWKS_URL: setting(
    readUrl,
    'address of a JWK set with the public keys of RS256, ES256 or EdDSA tokens; instead of `JWT_PUBLIC_KEY`',
    'https://example.com/.well-known/jwks.json',
  ),
  JWT_ISSUER: setting(readText, 'what `iss` of a token must be', 'https://example.com'),
  JWT_AUDIENCE: setting(readText, 'what `aud` of a token must hold', 'chatdrop'),
  URL_SIGNING_SECRET: secret(
    readSecret,
    'key of the signed links, at least 32 bytes; a random one in the database if not set',
  ),
  ADMIN_TOKEN: secret(readAdminToken, 'opens `/api/admin/…`, at least 32 bytes; without it these routes do not exist'),
  ADMIN_ADDRESSES: setting(
    readAddresses,
    'addresses and networks from which `/api/admin/…` may be used, with the token; from anywhere if not set',
    '10.0.0.0/8, 203.0.113.7',
  ),
  SIGNED_URL_EXPIRY: setting(readDuration, 'how long a signed link lasts', '1h', '1h'),
  AUDIT_RETENTION: setting(readDuration, 'how long it is kept who did what to which file', '90d', '90d'),
  CHAT_MAX_FILE_SIZE: setting(readSize, 'largest file', '50GB', '25MB'),
  CHAT_ALLOWED_FILE_TYPES: setting(
    readList(readTypePattern),
    'types that may be shared; `image/*` and `*` work',
    'image/*, application/pdf',
    DEFAULT_ALLOWED_TYPES.join(', '),
  ),
  CHAT_REFUSE_ENCRYPTED: setting(
    readBoolean,
    'refuses documents and ZIP files that need a password: nobody can look into them',
    'true',
    'false',
  ),
  CHAT_MAX_IMAGE_PIXELS: setting(
    readInteger(1_000_000, 10_000_000_000),
    'pixels of a picture, by its header: one that is small as a file can fill the memory of who opens it',
    '250000000',
    '250000000',
  ),
  CHAT_UPLOAD_RATE_LIMIT: setting(readInteger(1, 1_000_000), 'uploads a minute a user', '10', '10'),
  CHAT_MAX_PENDING_UPLOADS: setting(readInteger(1, 1_000_000), 'unfinished uploads a user', '200', '200'),
  CHAT_MAX_PENDING_SIZE: setting(readSize, 'bytes of these together; 40 × `CHAT_MAX_FILE_SIZE` if not set', '1GB'),
  CHAT_MAX_FILES: setting(
    readInteger(1, 1_000_000),
    'files that the visitor of a chat, or its agents, may have in it, shared and on their way',
    '10000',
    '10000',
  ),
  CHAT_COMPANY_QUOTA: setting(readSize, 'bytes of a company, shared and on their way; no bound if not set', '100GB'),
  THUMBNAILS: setting(
    readBoolean,
    'thumbnails of pictures, PDFs and videos, made in processes of their own',
    'true',
    'true',
  ),
  STRIP_METADATA: setting(
    readBoolean,
    'location, camera and other metadata are taken out of JPEG, PNG, WebP and HEIC pictures before they are shared',
    'true',
    'true',
  ),
  UPLOAD_EXPIRY: setting(readDuration, 'how long an unfinished upload is kept after its last byte', '24h', '24h'),
  RETENTION: setting(readDuration, 'how long files are kept; for ever if not set', '365d'),
  DATABASE_URL: setting(
    readDatabaseUrl,
    'the database: PostgreSQL (14 or later), or an SQLite file; one under `DATA_DIR` if not set',
    'postgres://chatdrop:password@db.example.com/chatdrop',
  ),
  DATABASE_POOL_SIZE: setting(
    readInteger(2, 500),
    'connections to PostgreSQL that a node opens at most, besides the one that holds its locks',
    '10',
    '10',
  ),
  REDIS_URL: setting(
    readRedisUrl,
    'Redis (or Valkey), which carries events between nodes and counts the limits for all of them; without it PostgreSQL does both',
    'redis://:password@redis.example.com:6379/0',
  ),
  CLAMAV_URL: setting(
    readClamdAddress,
    'the virus scanner clamd, `tcp://host:port` or `unix:/path`; files are shared unscanned if not set',
    'tcp://clamav.example.com:3310',
  ),
  WEBHOOK_ALLOW_PRIVATE: setting(
    readList(readPrivateTarget),
    'addresses, networks and host names inside your own network that webhooks may be sent to, also by plain http; in development mode this machine is one of them',
    '10.1.2.3, 10.20.0.0/16, hooks.internal',
    '',
  ),
  METRICS_TOKEN: secret(
    readAdminToken,
    'opens `/metrics`, at least 32 bytes; without it, and without `METRICS_PORT`, there are metrics in development mode only',
  ),
  METRICS_PORT: setting(
    readInteger(1, 65_535),
    'a port of its own for `/metrics`, where no token is asked for',
    '9464',
  ),
  METRICS_HOST: setting(readText, 'address that `METRICS_PORT` listens on', '10.0.0.5', '127.0.0.1'),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(
    readUrl,
    'collector that traces are sent to (OTLP over HTTP, JSON); no traces if not set',
    'http://127.0.0.1:4318',
  ),
  OTEL_SERVICE_NAME: setting(readText, 'name of the server in traces', 'chatdrop-eu', 'chatdrop'),
  OTEL_TRACES_SAMPLER_ARG: setting(
    readRatio,
    'how many of the traces that begin here are kept, 0 to 1; one that a proxy began (`TRUST_PROXY`) is as the proxy says',
    '0.1',
    '1',
  ),
  LOG_LEVEL: setting(
    readChoice('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'how much is logged',
    'info',
    'info',
  ),
  NODE_ENV: setting(readText, '`production` refuses development mode', 'production', 'development'),
  UNPACK_DIR: setting(
    readText,
    "folder that the single executable unpacks its native libraries into; a folder of its own in the user's cache, else in that for temporary files, if not set",
    '/var/cache/chatdrop',
  ),
  USE_S3_STORAGE: setting(readBoolean, 'files in an S3 bucket instead of `MEDIA_ROOT`', 'true', 'false'),
  AWS_STORAGE_BUCKET_NAME: setting(readBucketName, 'the bucket', 'chatdrop-files'),
  AWS_S3_REGION_NAME: setting(readText, 'its region; `auto` on R2', 'eu-central-1', 'us-east-1'),
  AWS_S3_ENDPOINT_URL: setting(readEndpoint, 'address of an S3 that is not AWS', 'https://s3.example.com'),
  AWS_S3_PUBLIC_ENDPOINT_URL: setting(
    readEndpoint,
    'the same as browsers reach it, for links to downloads; `AWS_S3_ENDPOINT_URL` if not set',
    'https://files.example.com',
  ),
  AWS_S3_USE_SSL: setting(
    readBoolean,
    'TLS, where the address does not say it by `http://` or `https://`',
    'true',
    'true',
  ),
  AWS_S3_ADDRESSING_STYLE: setting(
    readChoice('auto', 'path', 'virtual'),
    'bucket in the path or in the host name; `auto`: path with an endpoint of your own, host name on AWS',
    'path',
    'auto',
  ),
  AWS_ACCESS_KEY_ID: setting(
    readText,
    'key of the bucket; without it the SDK looks where AWS puts one: a role of the machine or container, a profile',
    'AKIAIOSFODNN7EXAMPLE',
  ),
  AWS_SECRET_ACCESS_KEY: {
    ...setting(readText, 'its secret', 'the secret that came with the key'),
    secret: true as const,
  },
  AWS_SESSION_TOKEN: {
    ...setting(readText, 'its token, if it is for a time', 'the token that came with it'),
    secret: true as const,
  },
  FILE_UPLOAD_MAX_MEMORY_SIZE: setting(
    readSize,
    'of the original service; without effect: nothing is held in memory',
    '26214400',
  ),
} as const;

function setting<T>(read: (text: string) => T, meaning: string, example: string): Setting<T>;
function setting<T>(
  read: (text: string) => T,
  meaning: string,
  example: string,
  fallback: string,
): Setting<T> & { fallback: string };
function setting<T>(read: (text: string) => T, meaning: string, example: string, fallback?: string): Setting<T> {
  return fallback === undefined ? { read, meaning, example } : { read, meaning, example, fallback };
}

function secret<T>(read: (text: string) => T, meaning: string): Setting<T> {
  return { read, meaning, example: 'the output of `openssl rand -base64 48`', secret: true };
}

/** A public key is known to all: as an HMAC secret it would let everybody sign. */
function readJwtSecret(text: string): string {
  if (/-----BEGIN|"kty"/.test(text))
    throw new Error('is a key file, not a secret. A public key belongs into JWT_PUBLIC_KEY');
  return readSecret(text);
}

function readAdminToken(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Error('holds a space or a letter that a header cannot carry');
  return readSecret(text);
}

function readRatio(text: string): number {
  const ratio = Number(text);
  if (!/^[\d.]+$/.test(text) || !(ratio >= 0 && ratio <= 1)) throw new Error('is no number from 0 to 1');
  return ratio;
}

function readTypePattern(entry: string): string {
  if (!isTypePattern(entry.toLowerCase())) throw new Error(`holds “${entry}”, which is no type`);
  return entry.toLowerCase();
}

function readMediaUrl(text: string): string {
  if (!/^\/(?:[A-Za-z0-9_-]+\/)+$/.test(text)) throw new Error('is not a path that begins and ends with a slash');
  if (/^\/(?:api|widget|demo|embed|ws|socket\.io|healthz|readyz|metrics|dashboard|problems)\//.test(text))
    throw new Error('is a path of the API');
  return text;
}

/** What `DATABASE_URL` names. */
export type DatabaseName = { sqliteFile: string } | { postgresUrl: string };

function readDatabaseUrl(text: string): DatabaseName {
  if (/^postgres(?:ql)?:\/\//.test(text)) {
    if (!URL.canParse(text)) throw new Error('is not an address. Write special characters of the password as %40');
    if (new URL(text).pathname.length < 2) throw new Error('names no database');
    return { postgresUrl: text };
  }
  if (!/^sqlite:./.test(text)) throw new Error('begins neither with postgres:// nor with sqlite:');
  return { sqliteFile: text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '') };
}

function readRedisUrl(text: string): string {
  if (!URL.canParse(text) || !['redis:', 'rediss:'].includes(new URL(text).protocol))
    throw new Error('does not begin with redis:// (or rediss:// with TLS)');
  return text;
}

const CLAMD_PORT = 3310;

function readClamdAddress(text: string): ClamdAddress {
  const path = /^unix:(?:\/\/)?(\/[^\0]+)$/.exec(text)?.[1];
  if (path !== undefined) return { path };
  const url = URL.canParse(text) ? new URL(text) : null;
  const isBare = url !== null && /^\/?$/.test(url.pathname) && url.search + url.hash + url.username === '';
  if (url?.protocol !== 'tcp:' || url.hostname === '' || !isBare)
    throw new Error('is neither tcp://host:port nor unix:/path');
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port) || CLAMD_PORT };
}

/** Letters of AWS and of others: some let underscores and upper case through. */
function readBucketName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(text)) throw new Error('is no name of a bucket');
  return text;
}

/** The original took an address with or without `https://`. */
function readEndpoint(text: string): string {
  return /^[a-z]+:\/\//i.test(text) ? readBaseUrl(text) : new URL(readBaseUrl(`https://${text}`)).host;
}
