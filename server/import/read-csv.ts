/** The table as CSV (commas, semicolons or tabs), with its columns' names in the first line; from any database. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { type RawRow, SOURCE_COLUMNS } from '../rules/source-row.ts';

const DELIMITERS = [',', ';', '\t'];
/** A name of 255 characters is the longest thing in a row. */
const MAX_RECORD_CHARACTERS = 64 * 1024;

/** @throws when a column is missing, or a line has more or fewer than the first */
export async function* readCsv(file: string): AsyncGenerator<RawRow> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    bom: true,
    delimiter: await delimiterOf(file),
    max_record_size: MAX_RECORD_CHARACTERS,
    skip_empty_lines: true,
    columns(names: string[]) {
      const missing = SOURCE_COLUMNS.filter((column) => !names.includes(column));
      if (missing.length > 0)
        throw new Error(`The first line has to name the columns, and ${missing.join(', ')} is not among them.`);
      return names;
    },
  });
  for await (const record of pipeline(createReadStream(file), parser, () => {})) yield record as RawRow;
}

/** What stands in the first line most often: a name in a later one may hold the others. */
async function delimiterOf(file: string): Promise<string> {
  const handle = await open(file, 'r');
  const { buffer, bytesRead } = await handle
    .read(Buffer.alloc(MAX_RECORD_CHARACTERS), 0, MAX_RECORD_CHARACTERS, 0)
    .finally(() => handle.close());
  const [line = ''] = buffer.subarray(0, bytesRead).toString('utf8').split(/\r?\n/);
  const countOf = (delimiter: string) => line.split(delimiter).length;
  return DELIMITERS.toSorted((a, b) => countOf(b) - countOf(a))[0] ?? ',';
}
