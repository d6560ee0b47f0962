/** The fields beside the file of a multipart upload, by the original API's names; they may come before or after it. */
import { Failure } from '../rules/failure.ts';
import { checkUploader, type Participant } from '../rules/participant.ts';

/** What was said so far. A map: `__proto__` is a name like any other. */
export type Fields = ReadonlyMap<string, string>;

/** What the fields say of the file; nothing of it is believed. */
export type Said = {
  company: string | undefined;
  session: string | undefined;
  name: string | undefined;
  declaredType: string | undefined;
  sizeBytes: number | null;
};

/** Other fields are let by: a form may have some of its own. */
const KNOWN = new Set(['company_id', 'session_id', 'uploader', 'original_name', 'mime_type', 'size']);

/** @throws {Failure} `invalid-request` for a field that is said twice: who checks the one could store the other */
export function addField(fields: Map<string, string>, name: string, value: string): void {
  if (!KNOWN.has(name)) return;
  if (fields.has(name)) throw new Failure('invalid-request', `The field ${name} is there twice.`);
  fields.set(name, value);
}

/** @throws {Failure} `invalid-request`, `forbidden` for an uploader who is not the caller */
export function readFields(caller: Participant, fields: Fields): Said {
  checkUploader(caller, fields.get('uploader'));
  return {
    company: fields.get('company_id'),
    session: fields.get('session_id'),
    name: fields.get('original_name') || undefined,
    declaredType: fields.get('mime_type') || undefined,
    sizeBytes: readSize(fields.get('size')),
  };
}

function readSize(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Failure('invalid-request', 'size must be a whole number of bytes.');
  return value;
}
