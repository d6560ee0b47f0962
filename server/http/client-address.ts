/** Whose address a request comes from: the connection's, or what trusted proxies say. Used for counting, and for nothing else. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

type Needs = {
  /** Proxies before this server: how many there are, or their addresses. 0: none. */
  trustProxy: number | readonly string[];
  /** Called once: a proxy seems to be there that is not trusted, and everybody behind it counts as one. */
  onIgnored(): void;
};

/** An address, '' when the client is gone already. */
export type ClientAddress = (request: IncomingMessage) => string;

/**
 * `X-Forwarded-For` counts from its right end, only as far as those who wrote it are trusted; without `TRUST_PROXY` not at
 * all. RFC 7239's `Forwarded` is not read: a proxy that does not know it would pass on what a client made up.
 */
export function createClientAddress({ trustProxy, onIgnored }: Needs): ClientAddress {
  const isTrusted =
    typeof trustProxy === 'number'
      ? (_address: string, hop: number) => hop < trustProxy
      : proxyAddr.compile([...trustProxy]);
  let said = trustProxy !== 0;
  return (request) => {
    const peer = request.socket.remoteAddress ?? '';
    if (!said && request.headers['x-forwarded-for'] !== undefined) {
      said = true;
      onIgnored();
    }
    if (trustProxy === 0 || peer === '') return peer;
    const address = proxyAddr(request, isTrusted);
    // No address, or one with a port: then the proxy itself is all that is known for certain.
    return isIP(address) === 0 ? peer : address;
  };
}
