/** What `manage.py dumpdata` writes: a JSON array, or one object a line. Read as a stream, however large it is. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream';
import * as z from 'zod';
import type { RawRow } from '../rules/source-row.ts';

/** Other models may be in it: whose name does not end so is left out. */
const MODEL = /\.chatfile$/i;

const objectSchema = z.object({
  model: z.string(),
  pk: z.unknown(),
  fields: z.record(z.string(), z.unknown()),
});

/** One object a line (`--format jsonl`). @throws at a line that is none */
export async function* readJsonLines(file: string): AsyncGenerator<RawRow> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line.trim() === '') continue;
    let object: unknown;
    try {
      object = JSON.parse(line);
    } catch {
      throw new Error(`Line ${number} is no JSON: this is not what dumpdata --format jsonl writes.`);
    }
    const row = rowOf(object);
    if (row !== null) yield row;
  }
}

/** One array (`--format json`, its default). @throws where it ends in the middle */
export async function* readJsonArray(file: string): AsyncGenerator<RawRow> {
  const { JSONParser } = await import('@streamparser/json-node');
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  const objects = pipeline(createReadStream(file), parser, () => {}) as AsyncIterable<{ value: unknown }>;
  for await (const { value } of asJson(objects)) {
    const row = rowOf(value);
    if (row !== null) yield row;
  }
}

async function* asJson<T>(parsed: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* parsed;
  } catch (cause) {
    throw new Error(`The JSON is cut off, or none: ${(cause as Error).message}`, { cause });
  }
}

/** Null: of another model. @throws when it is none that dumpdata writes */
function rowOf(object: unknown): RawRow | null {
  const read = objectSchema.safeParse(object);
  if (!read.success) throw new Error('This is not what dumpdata writes: an object lacks model, pk or fields.');
  const { model, pk, fields } = read.data;
  return MODEL.test(model) ? { ...fields, id: pk } : null;
}
