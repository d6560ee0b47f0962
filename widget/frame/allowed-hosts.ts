/** Which pages may hold this frame: the server's list, besides `frame-ancestors`, which the browser checks by itself. */

const LOOPBACK = /^https?:\/\/(localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** `<meta name="chatdrop-hosts">`: origins, and `loopback` in development mode. */
export function isAllowedHost(origin: string): boolean {
  const content = document.querySelector<HTMLMetaElement>('meta[name=chatdrop-hosts]')?.content ?? '';
  const hosts = content.split(' ');
  return origin === location.origin || hosts.includes(origin) || (hosts.includes('loopback') && LOOPBACK.test(origin));
}
