/** Where the rows of an import come from: a database, or an export of it. Told apart by what they are, not by their names. */
import { open } from 'node:fs/promises';
import type { RawRow } from '../rules/source-row.ts';
import { readCsv } from './read-csv.ts';
import { readJsonArray, readJsonLines } from './read-dump.ts';

export type SourceRows = {
  /** For people. */
  name: string;
  /** Once. In the order of their ids, where the source has one. */
  rows(): AsyncGenerator<RawRow>;
  close(): Promise<void>;
};

const LOOKED_AT_BYTES = 64;

/** A file that is no database. @throws when it cannot be read, or is empty */
export async function openExport(file: string): Promise<SourceRows> {
  const start = await firstCharacter(file);
  const close = async () => {};
  if (start === '[') return { name: 'a JSON array', rows: () => readJsonArray(file), close };
  if (start === '{') return { name: 'JSON lines', rows: () => readJsonLines(file), close };
  if (start === '') throw new Error(`${file} is empty.`);
  return { name: 'CSV', rows: () => readCsv(file), close };
}

async function firstCharacter(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOOKED_AT_BYTES), 0, LOOKED_AT_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString('utf8').trim().slice(0, 1);
  } finally {
    await handle.close();
  }
}
