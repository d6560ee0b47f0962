/** The original API's one-request upload, spoken by hand. */
import { bearer } from './chat-api.ts';
import { send, type WireAnswer } from './wire.ts';

export type MultipartOptions = {
  baseUrl: string;
  token?: string | undefined;
  fields?: Record<string, string>;
  file?: { body: Buffer; name: string; type: string };
};

/** Fields first, the file last, as `FormData` in the order of the original clients. */
export async function sendMultipart({ baseUrl, token, fields = {}, file }: MultipartOptions): Promise<WireAnswer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (file !== undefined) form.append('file', new Blob([new Uint8Array(file.body)], { type: file.type }), file.name);
  const encoded = new Response(form);
  return await send({
    method: 'POST',
    url: `${baseUrl}/api/chat/upload/`,
    headers: { ...bearer(token), 'content-type': encoded.headers.get('content-type') ?? undefined },
    body: Buffer.from(await encoded.arrayBuffer()),
  });
}
