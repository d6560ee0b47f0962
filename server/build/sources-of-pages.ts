/** Which files the built pages are made of: it stands in their source maps. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** @throws when the pages were not built */
export async function sourcesOfPages(pages: string): Promise<string[]> {
  const maps = (await readdir(pages)).filter((name) => name.endsWith('.map'));
  const read = async (name: string) => JSON.parse(await readFile(path.join(pages, name), 'utf8')).sources as string[];
  return (await Promise.all(maps.map(read))).flat();
}
