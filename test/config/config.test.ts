/** Settings: what is missing has a default, what is wrong is named with its fault and an example, and all of it at once. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../server/config.ts';
import { readBaseUrl, readBoolean, readDuration, readOrigin, readSize } from '../../server/config-values.ts';
import { SETTINGS } from '../../server/settings.ts';

const SECRET = 'a-secret-of-more-than-thirty-two-bytes!';

describe('the defaults', () => {
  test('make a server for this machine', () => {
    expect(readConfig({})).toMatchObject({
      development: true,
      host: '127.0.0.1',
      port: 8001,
      dataDir: path.resolve('data'),
      mediaRoot: path.resolve('data/media'),
      databaseFile: path.resolve('data/chatdrop.sqlite'),
      mediaPath: '/media/',
      publicUrl: undefined,
      allowedOrigins: [],
      trustProxy: 0,
      jwtSecret: undefined,
      signedUrlSeconds: 3600,
      maxFileSizeBytes: 25 * 1024 * 1024,
      uploadsPerMinute: 10,
      maxPendingUploads: 200,
      maxFiles: 10_000,
      wsTokenInQuery: true,
      adminAddresses: undefined,
      maxPendingBytes: 1000 * 1024 * 1024,
      companyQuotaBytes: undefined,
      uploadExpirySeconds: 86_400,
      logLevel: 'info',
      notes: [],
    });
    const { allowedTypes } = readConfig({});
    expect(allowedTypes).toContain('image/*');
    expect(allowedTypes).toContain('application/pdf');
  });

  test('stand for every variable that is empty', () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']));
    expect(readConfig(empty)).toEqual(readConfig({}));
  });

  test('are values that can be written too', () => {
    const written = Object.fromEntries(
      Object.entries(SETTINGS).map(([name, { fallback }]: [string, { fallback?: string }]) => [name, fallback]),
    );
    expect(readConfig(written)).toEqual(readConfig({}));
  });

  test('and so is every example', () => {
    for (const [name, { example, secret }] of Object.entries(SETTINGS) as [
      string,
      { example: string; secret?: true },
    ][]) {
      if (secret) continue;
      const needed = { JWT_SECRET: SECRET, AWS_STORAGE_BUCKET_NAME: 'files', PUBLIC_URL: 'https://chat.example.com' };
      expect(() => readConfig({ ...needed, [name]: example })).not.toThrow();
    }
  });
});

describe('what is set', () => {
  test('is taken', () => {
    const config = readConfig({
      JWT_SECRET: SECRET,
      HOST: ' 0.0.0.0 ',
      PORT: '0',
      DATA_DIR: '/srv/chat',
      MEDIA_URL: '/files/shared/',
      PUBLIC_URL: 'https://files.example.com/chat/',
      ALLOWED_ORIGINS: 'https://a.example, ,http://b.example:8080/',
      CHAT_ALLOWED_FILE_TYPES: 'IMAGE/*, application/pdf',
      DATABASE_URL: 'sqlite:///srv/db/chat.sqlite',
      TRUST_PROXY: '10.0.0.0/8, ::1, loopback',
      CHAT_COMPANY_QUOTA: '1TB',
      CHAT_MAX_PENDING_SIZE: '3MB',
      FILE_UPLOAD_MAX_MEMORY_SIZE: '26214400',
      USE_S3_STORAGE: 'False',
    });
    expect(config).toMatchObject({
      development: false,
      host: '0.0.0.0',
      port: 0,
      mediaRoot: '/srv/chat/media',
      mediaPath: '/files/shared/',
      publicUrl: 'https://files.example.com/chat',
      allowedOrigins: ['https://a.example', 'http://b.example:8080'],
      allowedTypes: ['image/*', 'application/pdf'],
      databaseFile: '/srv/db/chat.sqlite',
      trustProxy: ['10.0.0.0/8', '::1', 'loopback'],
      companyQuotaBytes: 1024 ** 4,
      maxPendingBytes: 3 * 1024 ** 2,
    });
    expect(readConfig({ TRUST_PROXY: '2' }).trustProxy).toBe(2);
    expect(config.notes).toEqual([expect.stringContaining('FILE_UPLOAD_MAX_MEMORY_SIZE')]);
  });

  test('a relative folder is one of the working directory', () => {
    expect(readConfig({ DATA_DIR: 'x', MEDIA_ROOT: 'y', DATABASE_URL: 'sqlite:z.db' })).toMatchObject({
      dataDir: path.resolve('x'),
      mediaRoot: path.resolve('y'),
      databaseFile: path.resolve('z.db'),
    });
  });
});

describe('S3', () => {
  const bucket = { JWT_SECRET: SECRET, USE_S3_STORAGE: 'True', AWS_STORAGE_BUCKET_NAME: 'files' };
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

  test('on AWS needs no more than the bucket', () => {
    expect(readConfig(bucket).s3).toEqual({
      bucket: 'files',
      region: 'us-east-1',
      endpoint: undefined,
      publicEndpoint: undefined,
      useTls: true,
      pathStyle: false,
      credentials: undefined,
    });
  });

  test('elsewhere has an address, keys, and the bucket in the path', () => {
    const settings = { ...bucket, ...keys, AWS_S3_ENDPOINT_URL: 'http://127.0.0.1:9000/', AWS_S3_REGION_NAME: 'x-1' };
    expect(readConfig(settings).s3).toMatchObject({
      region: 'x-1',
      endpoint: 'http://127.0.0.1:9000',
      pathStyle: true,
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    });
  });

  test.each([
    ['true', 'https://s3.example.com:9000'],
    ['false', 'http://s3.example.com:9000'],
  ])('an address without a scheme gets it by AWS_S3_USE_SSL=%s', (useSsl, endpoint) => {
    const address = { AWS_S3_ENDPOINT_URL: 's3.example.com:9000', AWS_S3_USE_SSL: useSsl };
    expect(readConfig({ ...bucket, ...address }).s3?.endpoint).toBe(endpoint);
  });

  test.each([
    ['path', true],
    ['virtual', false],
  ])('addressing style %s', (style, pathStyle) => {
    const settings = { ...bucket, AWS_S3_ENDPOINT_URL: 'https://s3.example.com', AWS_S3_ADDRESSING_STYLE: style };
    expect(readConfig(settings).s3?.pathStyle).toBe(pathStyle);
  });

  test('is off unless it is said; a bucket that is named then is one that files may be moved to', () => {
    const config = readConfig({ ...bucket, USE_S3_STORAGE: 'false' });
    expect([config.store, config.s3?.bucket]).toEqual(['local', bucket.AWS_STORAGE_BUCKET_NAME]);
    expect(config.notes).toEqual([expect.stringContaining('AWS_STORAGE_BUCKET_NAME')]);
  });
});

test.each([
  ['tcp://clamav:3310', { host: 'clamav', port: 3310 }],
  ['tcp://[::1]:4000/', { host: '::1', port: 4000 }],
  ['tcp://10.0.0.7', { host: '10.0.0.7', port: 3310 }],
  ['unix:/run/clamav/clamd.ctl', { path: '/run/clamav/clamd.ctl' }],
  ['unix:///run/clamav/clamd.ctl', { path: '/run/clamav/clamd.ctl' }],
])('CLAMAV_URL %s', (url, address) => {
  expect(readConfig({ CLAMAV_URL: url }).clamd).toEqual(address);
});

test.each(['clamav:3310', 'tcp://', 'tcp://a:3310/path', 'tcp://a:3310?x', 'tcp://user@a', 'unix:run/clamd', 'unix:'])(
  'CLAMAV_URL %s is no address',
  (url) => {
    expect(() => readConfig({ CLAMAV_URL: url })).toThrow('CLAMAV_URL');
  },
);

describe('what is wrong', () => {
  test('is named all at once: name, value, fault, example', () => {
    const lines = faultsOf({
      PORT: '99999',
      CHAT_MAX_FILE_SIZE: 'big',
      UPLOAD_EXPIRY: '1 week',
      ALLOWED_ORIGINS: 'https://a.example/path',
      LOG_LEVEL: 'loud',
      USE_S3_STORAGE: 'true',
      AWS_ACCESS_KEY_ID: 'key',
      REDIS_URL: 'http://user:hidden@x',
      CLAMAV_URL: 'http://x:3310',
      RETENTION: 'a month',
    });
    expect(lines).toEqual([
      '- PORT “99999” is not a whole number from 0 to 65535. Example: PORT=8001',
      expect.stringContaining('- ALLOWED_ORIGINS “https://a.example/path” is not an origin'),
      '- CHAT_MAX_FILE_SIZE “big” is not a size. Example: CHAT_MAX_FILE_SIZE=50GB',
      '- UPLOAD_EXPIRY “1 week” is not a duration. Example: UPLOAD_EXPIRY=24h',
      '- RETENTION “a month” is not a duration. Example: RETENTION=365d',
      expect.stringMatching(/^- REDIS_URL “http:\/\/…@x” does not begin with redis:\/\//),
      '- CLAMAV_URL “http://x:3310” is neither tcp://host:port nor unix:/path. Example: CLAMAV_URL=tcp://clamav.example.com:3310',
      expect.stringMatching(/^- LOG_LEVEL “loud” is none of fatal, .*Example: LOG_LEVEL=info$/),
      expect.stringMatching(/^- AWS_STORAGE_BUCKET_NAME is missing, and USE_S3_STORAGE is on\. Example: /),
      expect.stringMatching(/^- AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together/),
    ]);
  });

  test.each<[string, string]>([
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['HOST', '   '],
    ['MEDIA_URL', 'media'],
    ['MEDIA_URL', '/media'],
    ['MEDIA_URL', '/../'],
    ['PUBLIC_URL', 'files.example.com'],
    ['PUBLIC_URL', 'ftp://files.example.com'],
    ['PUBLIC_URL', 'https://files.example.com/?a=1'],
    ['ALLOWED_ORIGINS', '*'],
    ['ALLOWED_ORIGINS', 'null'],
    ['CHAT_MAX_FILE_SIZE', '0'],
    ['CHAT_ALLOWED_FILE_TYPES', 'pictures'],
    ['CHAT_UPLOAD_RATE_LIMIT', '0'],
    ['CHAT_MAX_PENDING_UPLOADS', '0'],
    ['CHAT_COMPANY_QUOTA', '0'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '-1'],
    ['TRUST_PROXY', '11'],
    ['TRUST_PROXY', ','],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.0/0'],
    ['TRUST_PROXY', '10.0.0.0/8/8'],
    ['TRUST_PROXY', '10.0.0.0/255.0.0.0'],
    ['TRUST_PROXY', '127.1'],
    ['TRUST_PROXY', 'proxy.example'],
    ['SIGNED_URL_EXPIRY', '0s'],
    ['DATABASE_URL', 'mysql://x'],
    ['DATABASE_URL', 'postgres://'],
    ['DATABASE_URL', 'postgres://a b/c'],
    ['DATABASE_POOL_SIZE', '1'],
    ['DATABASE_URL', 'sqlite:'],
    ['USE_S3_STORAGE', 'maybe'],
  ])('%s=%s is one fault', (name, value) => {
    expect(faultsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^- ${name} .*Example: ${name}=`))]);
  });

  test.each(['postgres://chat:p%40ss@db.example.com/chat', 'postgresql://db:5433/chat?sslmode=require'])(
    'DATABASE_URL=%s is PostgreSQL',
    (url) => {
      expect(readConfig({ DATABASE_URL: url })).toMatchObject({ postgresUrl: url, databasePoolSize: 10 });
    },
  );

  test('names no secret, not even one inside an address', () => {
    const message = faultsOf({
      JWT_SECRET: 'hunter2',
      URL_SIGNING_SECRET: 'hunter2',
      DATABASE_URL: 'postgres://chat:hunter2@d b/chat',
      PUBLIC_URL: 'https://chat:hunter2@example.com',
      ALLOWED_ORIGINS: 'https://chat:hunter2@example.com',
      ADMIN_TOKEN: 'hunter2',
    }).join('\n');
    for (const name of ['JWT_SECRET', 'URL_SIGNING_SECRET', 'DATABASE_URL', 'PUBLIC_URL', 'ADMIN_TOKEN']) {
      expect(message).toContain(name);
    }
    expect(message).not.toContain('hunter2');
  });

  test('a secret is counted in bytes, and the fault says how many there are', () => {
    expect(faultsOf({ JWT_SECRET: 'ä'.repeat(15) })).toEqual([
      expect.stringContaining('JWT_SECRET has 30 bytes; at least 32 are needed'),
    ]);
    expect(readConfig({ JWT_SECRET: 'ä'.repeat(16) }).development).toBe(false);
  });
});

describe('development mode', () => {
  test.each(['127.0.0.1', '::1', 'localhost'])('listens on %s', (HOST) => {
    expect(readConfig({ HOST }).development).toBe(true);
  });

  test.each(['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.1.example.com'])(
    'refuses to listen on %s',
    (HOST) => {
      expect(faultsOf({ HOST })).toEqual([expect.stringMatching(/^- HOST .*JWT_SECRET/)]);
      expect(readConfig({ HOST, JWT_SECRET: SECRET }).development).toBe(false);
    },
  );

  test('is refused in production', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^- JWT_SECRET is missing.*Example: JWT_SECRET=/),
    ]);
    expect(readConfig({ NODE_ENV: 'production', JWT_SECRET: SECRET }).development).toBe(false);
  });

  test('is not what a JWT_SECRET that is too short asks for: that is the one fault', () => {
    expect(faultsOf({ JWT_SECRET: 'short', HOST: '0.0.0.0', NODE_ENV: 'production' })).toEqual([
      expect.stringContaining('JWT_SECRET has 5 bytes'),
    ]);
  });
});

describe('values', () => {
  test.each([
    ['1', 1],
    ['26214400', 26_214_400],
    ['1B', 1],
    ['1kb', 1024],
    ['25MB', 25 * 1024 ** 2],
    ['25 MB', 25 * 1024 ** 2],
    ['1.5GB', 1.5 * 1024 ** 3],
    ['50GB', 50 * 1024 ** 3],
    ['2TB', 2 * 1024 ** 4],
  ])('the size %s', (text, bytes) => {
    expect(readSize(text)).toBe(bytes);
  });

  test.each(['', '0', '0.2B', '-1', '1e6', '25MiB', '25M', 'MB', '9999999TB', '1,5GB', '0x10'])(
    'no size: %j',
    (text) => {
      expect(() => readSize(text)).toThrow('is not a size');
    },
  );

  test.each([
    ['1s', 1],
    ['90 m', 5400],
    ['24h', 86_400],
    ['7d', 604_800],
    ['3650d', 315_360_000],
  ])('the duration %s', (text, seconds) => {
    expect(readDuration(text)).toBe(seconds);
  });

  test.each(['', '0s', '24', '1.5h', '-1h', '3651d', '1w', '1H', 'h'])('no duration: %j', (text) => {
    expect(() => readDuration(text)).toThrow('is not a duration');
  });

  test('yes and no in every way the original service was told', () => {
    expect(['true', 'True', '1', 'yes', 'ON'].map(readBoolean)).toEqual([true, true, true, true, true]);
    expect(['false', 'False', '0', 'no', 'off'].map(readBoolean)).toEqual([false, false, false, false, false]);
    expect(() => readBoolean('2')).toThrow('neither');
  });

  test('addresses are brought into one form', () => {
    expect(readOrigin('HTTPS://Example.COM:443')).toBe('https://example.com');
    expect(readBaseUrl('https://example.com/a/b//')).toBe('https://example.com/a/b');
  });
});

function faultsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}
