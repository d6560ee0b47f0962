/** The tus 1.0.0 endpoint as middleware: which verb does what, and whose upload it is. */
import type { Middleware } from 'koa';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { isUploader, type Participant } from '../rules/participant.ts';
import { isUploadId } from '../rules/upload-id.ts';
import type { FreshUploads } from './fresh-uploads.ts';
import type { TusContext } from './tus-answers.ts';
import { CHECKSUM_ALGORITHMS } from './tus-checksum.ts';
import { type CreateNeeds, createUpload } from './tus-create.ts';
import { type HeadNeeds, headUpload } from './tus-head.ts';
import { checkVersion, TUS_EXTENSIONS, TUS_VERSION, VERSION_HEADER } from './tus-headers.ts';
import { createTusMethod } from './tus-method.ts';
import { type PatchNeeds, patchUpload } from './tus-patch.ts';
import { type TerminateNeeds, terminateUpload } from './tus-terminate.ts';

type Needs = CreateNeeds &
  HeadNeeds &
  PatchNeeds &
  TerminateNeeds & {
    uploads: Pick<UploadTable, 'find'>;
    freshUploads: FreshUploads;
    largestFileBytes(): number;
  };

/**
 * `every` comes before the routes; `id` of the route `upload` is the upload's. The caller is authenticated before `create`
 * and `upload`.
 */
export type TusEndpoint = Record<'every' | 'options' | 'create' | 'upload', Middleware> & {
  /** The two that bring files, for who has found out already that they are meant; `said`: what their answers begin with. */
  said: Readonly<Record<string, string>>;
  post(ctx: TusContext): Promise<void>;
  patch(ctx: TusContext, id: string): Promise<void>;
};

export function createTusEndpoint(needs: Needs): TusEndpoint {
  const post = async (ctx: TusContext) => {
    checkVersion(ctx.req);
    await createUpload(needs, ctx);
  };
  return {
    said: { [VERSION_HEADER]: TUS_VERSION },
    post,
    // Not async, like `upload`, and the upload is found by the verb: what waits around a body waits for hours, once for each.
    patch(ctx, id) {
      checkVersion(ctx.req);
      const { caller } = ctx.state;
      const fresh = needs.freshUploads.named(id);
      const own = fresh !== null && isUploader(caller, fresh.upload) ? fresh : null;
      const find = async () => own?.upload ?? findOwn(needs, caller, id);
      return patchUpload(needs, ctx, find, own);
    },
    every: createTusMethod(needs.path),
    options: async (ctx) => {
      // No look at Tus-Resumable: "the Server MUST ignore the header".
      // "a successful response indicated by the 204 No Content or 200 OK status": some clients look for 200 only.
      ctx.status = 200;
      ctx.body = '';
      ctx.set({ 'Tus-Version': TUS_VERSION, 'Tus-Extension': TUS_EXTENSIONS.join(',') });
      // Nobody has said yet which company it is for.
      ctx.set('Tus-Max-Size', String(needs.largestFileBytes()));
      ctx.set('Tus-Checksum-Algorithm', CHECKSUM_ALGORITHMS.join(','));
    },
    create: async (ctx) => {
      await post(ctx as unknown as TusContext);
      // Koa's, of what has no bytes.
      ctx.remove('Content-Type');
    },
    upload: (ctx) => {
      checkVersion(ctx.req);
      const { caller } = ctx.state as { caller: Participant };
      const find = () => findOwn(needs, caller, String(ctx.params.id));
      const verb = VERBS.get(ctx.method) ?? otherVerb;
      return verb(needs, ctx as unknown as TusContext, find);
    },
  };
}

type Verb = (needs: Needs, ctx: TusContext, find: () => Promise<UploadRecord>) => Promise<void>;

const VERBS = new Map<string, Verb>([
  ['HEAD', headUpload],
  ['PATCH', patchUpload],
  ['DELETE', async (needs, ctx, find) => terminateUpload(needs, ctx, await find())],
]);

/** What is not there is 404 under every verb, so it is looked up first. */
const otherVerb: Verb = async (_needs, _ctx, find) => {
  await find();
  throw new Failure('method-not-allowed', undefined, { headers: { Allow: 'HEAD, PATCH, DELETE, OPTIONS' } });
};

/** Somebody else's upload is as good as none: 404 on every verb. */
async function findOwn({ uploads, freshUploads }: Needs, caller: Participant, id: string): Promise<UploadRecord> {
  freshUploads.named(id);
  const upload = isUploadId(id) ? await uploads.find(id) : null;
  if (upload === null || !isUploader(caller, upload)) throw new Failure('not-found', 'There is no such upload.');
  return upload;
}
