/** Environment → Config. All mistakes are reported at once, each with its fault and an example. */
import path from 'node:path';
import type { ClamdAddress } from './rules/clamd-address.ts';
import type { S3Settings } from './rules/s3-settings.ts';
import type { VerificationKey } from './rules/verification-key.ts';
import { SETTINGS, type Setting } from './settings.ts';

type Values = { [Name in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[Name]> };
type ValueOf<S> = S extends { fallback: string; read: (text: string) => infer T }
  ? T
  : S extends { read: (text: string) => infer T }
    ? T | undefined
    : never;

export type Config = {
  /** No key set: loopback only, the demo page is there. */
  development: boolean;
  host: string;
  port: number;
  /** Undefined: the plain WebSocket is on `port` only. */
  wsPort: number | undefined;
  wsTokenInQuery: boolean;
  dataDir: string;
  mediaRoot: string;
  mediaPath: string;
  /** Of SQLite; not looked at where there is `postgresUrl`. */
  databaseFile: string;
  /** Undefined: SQLite, and this node is the only one. */
  postgresUrl: string | undefined;
  databasePoolSize: number;
  /** Undefined: PostgreSQL carries events between nodes, and counts the limits. */
  redisUrl: string | undefined;
  /** Undefined: made from host and port once the server listens. */
  publicUrl: string | undefined;
  /** Undefined: links to files lead to `publicUrl`. */
  filesOrigin: string | undefined;
  allowedOrigins: readonly string[];
  /** How many proxies stand before the server, or their addresses. */
  trustProxy: number | readonly string[];
  /** Undefined in development mode (a random one under `dataDir`), or when only public keys are set. */
  jwtSecret: string | undefined;
  jwtPublicKeys: readonly VerificationKey[];
  jwksUrl: string | undefined;
  jwtIssuer: string | undefined;
  jwtAudience: string | undefined;
  urlSigningSecret: string | undefined;
  /** Undefined: no admin API. */
  adminToken: string | undefined;
  /** Undefined: it may come from anywhere. */
  adminAddresses: readonly string[] | undefined;
  /** Where webhooks may go beside the public internet: networks and host names. */
  webhookAllowPrivate: readonly string[];
  signedUrlSeconds: number;
  auditRetentionSeconds: number;
  maxFileSizeBytes: number;
  allowedTypes: readonly string[];
  refuseEncrypted: boolean;
  maxImagePixels: number;
  uploadsPerMinute: number;
  maxPendingUploads: number;
  maxFiles: number;
  maxPendingBytes: number;
  /** Undefined: no bound. */
  companyQuotaBytes: number | undefined;
  uploadExpirySeconds: number;
  thumbnails: boolean;
  /** Where programs are looked for. */
  programFolders: readonly string[];
  stripMetadata: boolean;
  /** Undefined: files are kept for ever. */
  retentionSeconds: number | undefined;
  /** Where new files go: into `mediaRoot`, or into the bucket. */
  store: 'local' | 's3';
  /** Also where it is not the store: files may be moved there. */
  s3: S3Settings | undefined;
  /** Undefined: files are shared unscanned. */
  clamd: ClamdAddress | undefined;
  /** Undefined: `/metrics` is not answered on `port`, but for this machine in development mode. */
  metricsToken: string | undefined;
  /** Undefined: metrics have no port of their own. */
  metricsPort: number | undefined;
  metricsHost: string;
  /** Undefined: nothing is traced. */
  tracesTo: string | undefined;
  tracedService: string;
  tracedRatio: number;
  logLevel: string;
  /** Said at start: settings without effect, and what an operator should know of others. */
  notes: readonly string[];
};

/** Thrown by `readConfig`; `message` lists every fault, a line each. */
export class ConfigError extends Error {}

/** Files of the largest size that one user may have on the way, if nothing else is set: 1000 MB at 25 MB each. */
const DEFAULT_PENDING_FILES = 40;
const LOOPBACK_HOSTS = ['127.0.0.1', '::1', 'localhost'];
const THIS_MACHINE = ['localhost', '127.0.0.0/8', '::1/128'];
const KEY_SETTINGS = ['JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWT_JWKS_URL'] as const;

/** The typed settings of an environment. @throws {ConfigError} with all faults at once. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const faults: string[] = [];
  const values = readValues(env, faults);
  if (env.JWT_PUBLIC_KEY && env.JWT_JWKS_URL)
    faults.push('JWT_PUBLIC_KEY and JWT_JWKS_URL both say where the public keys are. Leave one of them out.');
  if (
    values.FILES_ORIGIN !== undefined &&
    values.FILES_ORIGIN === new URL(values.PUBLIC_URL ?? values.FILES_ORIGIN).origin
  )
    faults.push(
      'FILES_ORIGIN has to be another origin than that of PUBLIC_URL, which it needs. Example: FILES_ORIGIN=https://usercontent.example.net',
    );
  faults.push(...s3Faults(env));
  // A key with a fault is no missing key: that it is named is enough.
  if (!KEY_SETTINGS.some((name) => env[name])) faults.push(...developmentFaults(values));
  if (faults.length > 0) throw new ConfigError(faults.map((fault) => `- ${fault}`).join('\n'));
  return { ...toConfig(values), programFolders: foldersOf(env.PATH) };
}

/** Where the system looks for programs; what is no absolute path depends on where one stands. */
function foldersOf(searchPath = ''): string[] {
  return searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
}

function readValues(env: NodeJS.ProcessEnv, faults: string[]): Values {
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS) as [string, Setting<unknown>][]) {
    // An empty variable is a missing one: compose files and unit files set them so.
    const text = env[name] || setting.fallback;
    try {
      values[name] = text === undefined ? undefined : setting.read(text);
    } catch (fault) {
      // Also an address may hold a password.
      const shown = setting.secret ? '' : ` “${text?.replaceAll(/\/\/[^/\s]*@/g, '//…@')}”`;
      faults.push(`${name}${shown} ${(fault as Error).message}. Example: ${name}=${setting.example}`);
    }
  }
  return values as Values;
}

function s3Faults(env: NodeJS.ProcessEnv): string[] {
  const faults: string[] = [];
  const isOn = /^(?:true|1|yes|on)$/i.test(env.USE_S3_STORAGE ?? '');
  if (isOn && !env.AWS_STORAGE_BUCKET_NAME)
    faults.push(
      'AWS_STORAGE_BUCKET_NAME is missing, and USE_S3_STORAGE is on. Example: AWS_STORAGE_BUCKET_NAME=chatdrop',
    );
  if (isOn && Boolean(env.AWS_ACCESS_KEY_ID) !== Boolean(env.AWS_SECRET_ACCESS_KEY))
    faults.push(
      'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together. Set both, or none for a role of the machine.',
    );
  return faults;
}

function developmentFaults(values: Values): string[] {
  const faults: string[] = [];
  if (values.NODE_ENV === 'production') {
    faults.push(
      `JWT_SECRET is missing (or JWT_PUBLIC_KEY, or JWT_JWKS_URL), and NODE_ENV=production needs one. Example: JWT_SECRET=${SETTINGS.JWT_SECRET.example}`,
    );
  }
  if (values.HOST !== undefined && !LOOPBACK_HOSTS.includes(values.HOST)) {
    faults.push(
      `HOST “${values.HOST}” can be reached by others, and without a key anybody could come in. Set one of ${KEY_SETTINGS.join(', ')}, or HOST=127.0.0.1`,
    );
  }
  return faults;
}

function toConfig(values: Values): Omit<Config, 'programFolders'> {
  const dataDir = path.resolve(values.DATA_DIR);
  const database: { sqliteFile?: string; postgresUrl?: string } = values.DATABASE_URL ?? {};
  const isDevelopment = KEY_SETTINGS.every((name) => values[name] === undefined);
  return {
    development: isDevelopment,
    host: values.HOST,
    port: values.PORT,
    wsPort: values.WS_PORT === values.PORT ? undefined : values.WS_PORT,
    wsTokenInQuery: values.WS_TOKEN_IN_QUERY,
    dataDir,
    mediaRoot: path.resolve(values.MEDIA_ROOT ?? path.join(dataDir, 'media')),
    mediaPath: values.MEDIA_URL,
    databaseFile: path.resolve(database.sqliteFile ?? path.join(dataDir, 'chatdrop.sqlite')),
    postgresUrl: database.postgresUrl,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    redisUrl: values.REDIS_URL,
    publicUrl: values.PUBLIC_URL,
    filesOrigin: values.FILES_ORIGIN,
    allowedOrigins: values.ALLOWED_ORIGINS,
    trustProxy: values.TRUST_PROXY,
    jwtSecret: values.JWT_SECRET,
    jwtPublicKeys: values.JWT_PUBLIC_KEY ?? [],
    jwksUrl: values.JWT_JWKS_URL,
    jwtIssuer: values.JWT_ISSUER,
    jwtAudience: values.JWT_AUDIENCE,
    urlSigningSecret: values.URL_SIGNING_SECRET,
    adminToken: values.ADMIN_TOKEN,
    adminAddresses: values.ADMIN_ADDRESSES,
    webhookAllowPrivate: [...values.WEBHOOK_ALLOW_PRIVATE, ...(isDevelopment ? THIS_MACHINE : [])],
    signedUrlSeconds: values.SIGNED_URL_EXPIRY,
    auditRetentionSeconds: values.AUDIT_RETENTION,
    maxFileSizeBytes: values.CHAT_MAX_FILE_SIZE,
    allowedTypes: values.CHAT_ALLOWED_FILE_TYPES,
    refuseEncrypted: values.CHAT_REFUSE_ENCRYPTED,
    maxImagePixels: values.CHAT_MAX_IMAGE_PIXELS,
    uploadsPerMinute: values.CHAT_UPLOAD_RATE_LIMIT,
    maxPendingUploads: values.CHAT_MAX_PENDING_UPLOADS,
    maxFiles: values.CHAT_MAX_FILES,
    maxPendingBytes: values.CHAT_MAX_PENDING_SIZE ?? values.CHAT_MAX_FILE_SIZE * DEFAULT_PENDING_FILES,
    companyQuotaBytes: values.CHAT_COMPANY_QUOTA,
    uploadExpirySeconds: values.UPLOAD_EXPIRY,
    thumbnails: values.THUMBNAILS,
    stripMetadata: values.STRIP_METADATA,
    retentionSeconds: values.RETENTION,
    store: values.USE_S3_STORAGE ? 's3' : 'local',
    s3: s3Of(values),
    clamd: values.CLAMAV_URL,
    metricsToken: values.METRICS_TOKEN,
    metricsPort: values.METRICS_PORT,
    metricsHost: values.METRICS_HOST,
    tracesTo: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    tracedService: values.OTEL_SERVICE_NAME,
    tracedRatio: values.OTEL_TRACES_SAMPLER_ARG,
    logLevel: values.LOG_LEVEL,
    notes: notesOf(values),
  };
}

function s3Of(values: Values): S3Settings | undefined {
  const { AWS_STORAGE_BUCKET_NAME: bucket, AWS_S3_ADDRESSING_STYLE: style } = values;
  if (bucket === undefined) return undefined;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = values;
  const scheme = values.AWS_S3_USE_SSL ? 'https' : 'http';
  const addressOf = (endpoint: string | undefined) =>
    endpoint === undefined || endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`;
  const endpoint = addressOf(values.AWS_S3_ENDPOINT_URL);
  return {
    bucket,
    region: values.AWS_S3_REGION_NAME,
    endpoint,
    publicEndpoint: addressOf(values.AWS_S3_PUBLIC_ENDPOINT_URL),
    useTls: values.AWS_S3_USE_SSL,
    pathStyle: style === 'auto' ? endpoint !== undefined : style === 'path',
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey, sessionToken: values.AWS_SESSION_TOKEN },
  };
}

function notesOf(values: Values): string[] {
  const notes: string[] = [];
  if (values.FILE_UPLOAD_MAX_MEMORY_SIZE !== undefined)
    notes.push('FILE_UPLOAD_MAX_MEMORY_SIZE is accepted and has no effect: files are streamed, never held in memory.');
  if (!values.USE_S3_STORAGE && values.AWS_STORAGE_BUCKET_NAME !== undefined)
    notes.push('AWS_STORAGE_BUCKET_NAME is set and USE_S3_STORAGE is not: files go to the local disk.');
  const jwks = values.JWT_JWKS_URL === undefined ? null : new URL(values.JWT_JWKS_URL);
  if (jwks?.protocol === 'http:' && !LOOPBACK_HOSTS.includes(jwks.hostname))
    notes.push('JWT_JWKS_URL is not https: whoever stands on the way to it can put keys of their own in.');
  const ofAnIssuer = values.JWT_JWKS_URL !== undefined || values.JWT_PUBLIC_KEY !== undefined;
  if (ofAnIssuer && values.JWT_AUDIENCE === undefined)
    notes.push('JWT_AUDIENCE is not set: tokens that the issuer made for other services open this one too.');
  return notes;
}
