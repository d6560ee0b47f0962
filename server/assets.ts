/** The built widget and pages, read once: files that travel inside the single executable. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pagePath, readEmbedded, readManifest } from './embedded/embedded.ts';

/** What the build has compressed them with, the better one first. */
export const ENCODINGS = ['br', 'gzip'] as const;
export type Encoding = (typeof ENCODINGS)[number];

export type Asset = {
  body: Buffer;
  contentType: string;
  etag: string;
  /** The same, compressed; pages that are filled in have none. */
  encoded: Partial<Record<Encoding, Buffer>>;
};
/** By file name, as under `/widget/`. */
export type Assets = ReadonlyMap<string, Asset>;

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const ENDINGS: Record<Encoding, string> = { br: '.br', gzip: '.gz' };

/** What the executable carries, else what lies in the folder. Empty when nothing was built: the API works without its pages. */
export function readAssets(folder: string): Assets {
  const carried = readManifest()?.pages;
  return carried === undefined
    ? collect(listFolder(folder), (name) => readFileSync(path.join(folder, name)))
    : collect(carried, (name) => readEmbedded(pagePath(name)));
}

function collect(names: readonly string[], read: (name: string) => Buffer): Assets {
  const assets = new Map<string, Asset>();
  for (const name of names) {
    const contentType = CONTENT_TYPES[path.extname(name)];
    if (contentType === undefined) continue;
    const body = read(name);
    const encoded: Asset['encoded'] = {};
    for (const encoding of ENCODINGS) {
      const compressed = name + ENDINGS[encoding];
      if (names.includes(compressed)) encoded[encoding] = read(compressed);
    }
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    assets.set(name, { body, contentType, etag, encoded });
  }
  return assets;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
