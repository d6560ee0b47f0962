/**
 * A small object in one request, at a fifth of what the SDK's way through its middleware costs: signed by the SDK's own
 * signer and sent by its own handler, so credentials, clock and timeouts are the client's. Whatever goes wrong is left to the SDK.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { UNSIGNED } from './s3-client.ts';

type Handled = Awaited<ReturnType<S3Client['config']['requestHandler']['handle']>>;
type Request = Parameters<S3Client['config']['requestHandler']['handle']>[0];

/** As the SDK says it of what is sent without one. */
const CONTENT_TYPE = 'application/octet-stream';
const STORED = 200;

/** @returns whether the object is stored; if not, nothing is known of it */
export type QuickPut = (key: string, bytes: Buffer) => Promise<boolean>;

export function createQuickPut(bucket: string, client: S3Client): QuickPut {
  let target: Promise<Target> | null = null;
  return async (key, bytes) => {
    try {
      target ??= findTarget(bucket, client);
      const { signer, url } = await target;
      const request = await signer.sign(requestOf(url, key, bytes), {
        // The SDK learns it from the store's answers.
        signingDate: new Date(Date.now() + client.config.systemClockOffset),
      });
      const { response } = (await client.config.requestHandler.handle(request as Request)) as Handled;
      // Read in any case: unread, it would keep its connection from the next request.
      const isEmpty = await isEmptyBody(response.body);
      return response.statusCode === STORED && isEmpty;
    } catch {
      target = null;
      return false;
    }
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
function requestOf({ protocol, hostname, port, host, pathname }: URL, key: string, body: Buffer) {
  return {
    method: 'PUT',
    protocol,
    hostname,
    ...(port !== '' && { port: Number(port) }),
    path: `${pathname.replace(/\/$/, '')}/${key}`,
    query: {},
    headers: {
      host,
      'content-type': CONTENT_TYPE,
      'content-length': String(body.length),
      ...(protocol === 'https:' && UNSIGNED),
    },
    body,
  };
}
