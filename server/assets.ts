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
export type Assets = Pick<ReadonlyMap<string, Asset>, 'get' | 'size'>;

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const ENDINGS: Record<Encoding, string> = { br: '.br', gzip: '.gz' };

/**
 * What the executable carries, else what lies in the folder; all of it is read when a page is first asked for, not before the
 * server listens. Empty when nothing was built: the API works without its pages.
 */
export function readAssets(folder: string): Assets {
  let read: ReadonlyMap<string, Asset> | undefined;
  const all = () => {
    read ??= readAll(folder);
    return read;
  };
  return {
    get: (name) => all().get(name),
    get size() {
      return all().size;
    },
  };
}

function readAll(folder: string): ReadonlyMap<string, Asset> {
  const carried = readManifest()?.pages;
  return carried === undefined
    ? collect(listFolder(folder), (name) => readFileSync(path.join(folder, name)))
    : collect(carried, (name) => readEmbedded(pagePath(name)));
}

function collect(names: readonly string[], read: (name: string) => Buffer): ReadonlyMap<string, Asset> {
  const there = new Set(names);
  const assets = new Map<string, Asset>();
  for (const name of names) {
    const contentType = CONTENT_TYPES[path.extname(name)];
    if (contentType === undefined) continue;
    const encoded: Asset['encoded'] = {};
    for (const encoding of ENCODINGS) {
      const compressed = name + ENDINGS[encoding];
      if (there.has(compressed)) encoded[encoding] = read(compressed);
    }
    assets.set(name, withEtag({ body: read(name), contentType, encoded }));
  }
  return assets;
}

/** Most are never asked for: it is found out then. */
function withEtag(asset: Omit<Asset, 'etag'>): Asset {
  let etag: string | undefined;
  return {
    ...asset,
    get etag() {
      etag ??= `"${createHash('sha256').update(asset.body).digest('base64url').slice(0, 22)}"`;
      return etag;
    },
  };
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
