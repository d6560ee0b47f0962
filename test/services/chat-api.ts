/** The file API as a client sees it: shares a file over tus, lists, and looks at what is stored. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChatFile, FileList, UnfinishedUpload } from '../../server/contract/chat-file.ts';
import type { Problem } from '../../server/contract/problem.ts';
import type { ChatRoom } from './chat-room.ts';
import { begunMultiparts, bucketAt, objectKeys } from './shared-s3.ts';
import { create, fileIdOf } from './tus-wire.ts';
import { jsonOf, send, type WireAnswer } from './wire.ts';

export type ShareOptions = {
  baseUrl: string;
  room: ChatRoom;
  /** The visitor's when absent. */
  token?: string;
  body: Buffer;
  name?: string;
  type?: string;
};

/** Uploads the whole file in one creation, and returns it as the API shows it. */
export async function shareFile({ baseUrl, room, token, body, name, type }: ShareOptions): Promise<ChatFile> {
  const usedToken = token ?? room.visitor;
  const metadata: Record<string, string> = { session_id: room.session };
  if (name !== undefined) metadata.filename = name;
  if (type !== undefined) metadata.filetype = type;
  const created = await create({ baseUrl, token: usedToken, body, metadata });
  if (created.status !== 201) throw new Error(`Sharing failed: ${created.status} ${created.body.toString()}`);
  const answer = await get(baseUrl, `/api/chat/files/${fileIdOf(created)}/`, usedToken);
  if (answer.status !== 200)
    throw new Error(`The shared file is not there: ${answer.status} ${answer.body.toString()}`);
  return jsonOf<ChatFile>(answer);
}

export async function get(
  baseUrl: string,
  path: string,
  token?: string,
  headers: Record<string, string> = {},
): Promise<WireAnswer> {
  return await send({ method: 'GET', url: baseUrl + path, headers: { ...bearer(token), ...headers } });
}

/** Follows the address that a store may give out itself. */
export async function download(url: string): Promise<WireAnswer> {
  const answer = await send({ method: 'GET', url });
  return answer.status === 302 ? await send({ method: 'GET', url: String(answer.headers.location) }) : answer;
}

export async function listFiles(baseUrl: string, room: ChatRoom, query = '', token = room.visitor): Promise<FileList> {
  const path = `/api/chat/files/?company_id=${room.company}&session_id=${room.session}${query}`;
  return jsonOf<FileList>(expectOk(await get(baseUrl, path, token)));
}

export async function listUploads(baseUrl: string, room: ChatRoom, token = room.visitor): Promise<UnfinishedUpload[]> {
  const path = `/api/chat/uploads/?company_id=${room.company}&session_id=${room.session}`;
  return jsonOf<{ uploads: UnfinishedUpload[] }>(expectOk(await get(baseUrl, path, token))).uploads;
}

export function bearer(token: string | undefined): Record<string, string | undefined> {
  return { authorization: token === undefined ? undefined : `Bearer ${token}` };
}

/** The problem's code; '' where the body is no problem document. */
export function codeOf(answer: WireAnswer): string {
  if (!String(answer.headers['content-type']).startsWith('application/problem+json')) return '';
  return jsonOf<Problem>(answer).code;
}

/** Paths of all files under DATA_DIR/media that hold at least one byte; on S3, the keys of the server's bucket. */
export async function storedFiles(dataDir: string): Promise<string[]> {
  const bucket = bucketAt(dataDir);
  if (bucket !== undefined) return objectKeys(bucket);
  const media = join(dataDir, 'media');
  const entries = await readdir(media, { recursive: true, withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // A file may go while the folder is read.
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    if (content.length > 0) found.push(path);
  }
  return found.sort();
}

/** What lies in the store for uploads that are not files yet, or never will be. */
export async function unfinishedBytes(dataDir: string): Promise<string[]> {
  const bucket = bucketAt(dataDir);
  if (bucket === undefined) return readdir(join(dataDir, 'media', '.incoming'));
  const keys = (await objectKeys(bucket)).filter((key) => !key.startsWith('chat/'));
  return [...keys, ...(await begunMultiparts(bucket))];
}

function expectOk(answer: WireAnswer): WireAnswer {
  if (answer.status !== 200) throw new Error(`Expected 200, got ${answer.status}: ${answer.body.toString()}`);
  return answer;
}
