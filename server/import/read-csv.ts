/** The table as CSV (commas, semicolons or tabs), with its columns' names in the first line; from any database. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { type RawRow, SOURCE_COLUMNS } from '../rules/source-row.ts';

/** A name of 255 characters is the longest thing in a row. */
const MAX_RECORD_CHARACTERS = 64 * 1024;

/** @throws when a column is missing, or a line has more or fewer than the first */
export async function* readCsv(file: string): AsyncGenerator<RawRow> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    bom: true,
    delimiter: [',', ';', '\t'],
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
