/**
 * With `FILES_ORIGIN`: what users sent is answered at that origin by link, nothing else is there but the pages that say what an
 * answer of there means, and links lead nowhere else.
 */
import type { Middleware } from 'koa';
import type { Origins } from '../auth/origins.ts';
import { PROBLEM_PAGES_PATH } from '../contract/problem.ts';
import { Failure } from '../rules/failure.ts';

type Needs = { origins: Pick<Origins, 'isFilesHost'>; filesOrigin: string | undefined; mediaPath: string };

/** A page there, should one ever run, has no API of its own origin to speak to, and no cookie. */
export function keepFilesApart({ origins, filesOrigin, mediaPath }: Needs): Middleware {
  return (ctx, next) => {
    const isMedia = ctx.path.startsWith(mediaPath);
    if (filesOrigin === undefined) return next();
    if (origins.isFilesHost(ctx.get('Host'))) {
      const saysWhy = ctx.path === PROBLEM_PAGES_PATH || ctx.path.startsWith(`${PROBLEM_PAGES_PATH}/`);
      if (!isMedia && !saysWhy) throw new Failure('not-found', 'Files are here, by their links, and nothing else.');
      return next();
    }
    if (!isMedia) return next();
    // A link that was made before there was such an origin, or with the old name by hand.
    ctx.status = 308;
    ctx.set('Location', `${filesOrigin}${ctx.path}${ctx.search}`);
    ctx.set('Cache-Control', 'no-store');
    // A browser asks this of each step on the way to a picture.
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
    ctx.body = '';
    return undefined;
  };
}
