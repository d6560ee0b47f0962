/**
 * Bytes in memory to an object or a part in one request, at a fifth of what the SDK's way through its middleware costs: signed by the
 * SDK's own signer and sent by its own handler, so credentials, clock and timeouts are the client's. Whatever goes wrong is left to the SDK.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import type { Multipart } from '../rules/s3-upload.ts';
import { type BodyGuard, createBodyGuard } from './s3-body-guard.ts';

type Handled = Awaited<ReturnType<S3Client['config']['requestHandler']['handle']>>;
type Request = Parameters<S3Client['config']['requestHandler']['handle']>[0];

/** As the SDK says it of what is sent without one. */
const CONTENT_TYPE = 'application/octet-stream';
const STORED = 200;

/** Of both: the etag of what is stored; null where nothing is known of it. */
export type QuickPut = {
  object(key: string, bytes: Buffer): Promise<string | null>;
  part(multipart: Multipart, number: number, bytes: Buffer): Promise<string | null>;
};

export function createQuickPut(bucket: string, client: S3Client, guardOf: BodyGuard = createBodyGuard()): QuickPut {
  let target: Promise<Target> | null = null;
  const put = async (key: string, query: Record<string, string>, bytes: Buffer): Promise<string | null> => {
    try {
      target ??= findTarget(bucket, client);
      const { signer, url } = await target;
      const guard = await guardOf(url.protocol, bytes);
      const request = await signer.sign(requestOf(url, key, query, guard, bytes), {
        // The SDK learns it from the store's answers.
        signingDate: new Date(Date.now() + client.config.systemClockOffset),
      });
      const { response } = (await client.config.requestHandler.handle(request as Request)) as Handled;
      // Read in any case: unread, it would keep its connection from the next request.
      const isEmpty = await isEmptyBody(response.body);
      return response.statusCode === STORED && isEmpty ? (response.headers.etag ?? null) : null;
    } catch {
      target = null;
      return null;
    }
  };
  return {
    object: (key, bytes) => put(key, {}, bytes),
    part: ({ key, id }, number, bytes) => put(key, { partNumber: String(number), uploadId: id }, bytes),
  };
}

/** A store may find its fault when 200 is on its way, and says so in the body; of an object that is stored there is nothing to say. */
async function isEmptyBody(body: AsyncIterable<Uint8Array> | undefined): Promise<boolean> {
  let bytes = 0;
  for await (const chunk of body ?? []) bytes += chunk.length;
  return bytes === 0;
}

type Target = { url: URL; signer: Awaited<ReturnType<S3Client['config']['signer']>> };

async function findTarget(Bucket: string, client: S3Client): Promise<Target> {
  const { config } = client;
  const given = await config.endpoint?.();
  const Endpoint = given && `${given.protocol}//${given.hostname}${given.port ? `:${given.port}` : ''}${given.path}`;
  const Region = await config.region();
  const ForcePathStyle = config.forcePathStyle ?? false;
  const { url } = config.endpointProvider({ Bucket, Region, ForcePathStyle, ...(Endpoint && { Endpoint }) });
  return { url, signer: await config.signer() };
}

/** A key has no character that would have to be written otherwise in an address. */
function requestOf(
  { protocol, hostname, port, host, pathname }: URL,
  key: string,
  query: Record<string, string>,
  guard: Record<string, string>,
  body: Buffer,
) {
  return {
    method: 'PUT',
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: `${pathname.replace(/\/$/, '')}/${key}`,
    query,
    headers: { host, 'content-type': CONTENT_TYPE, 'content-length': String(body.length), ...guard },
    body,
  };
}
