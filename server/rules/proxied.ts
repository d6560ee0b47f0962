/** Whether a request came by one of our proxies: only those may say who asks, and what a request is a part of. */
import type { IncomingMessage } from 'node:http';
import proxyAddr from 'proxy-addr';

/** `trustProxy`: how many proxies stand before the server, or their addresses. */
export function createIsProxied(trustProxy: number | readonly string[]): (request: IncomingMessage) => boolean {
  if (typeof trustProxy === 'number') return () => trustProxy > 0;
  const isProxy = proxyAddr.compile([...trustProxy]);
  return ({ socket }) => isProxy(socket.remoteAddress ?? '', 0);
}
