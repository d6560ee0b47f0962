/** Under which name a request came: one that is ours, and one only. */
import type { IncomingMessage } from 'node:http';
import type { Origins } from '../auth/origins.ts';
import { Failure } from '../rules/failure.ts';

/** @throws {Failure} `invalid-request`, `wrong-host` */
export function checkHost(
  { isAllowedHost, isFilesHost }: Pick<Origins, 'isAllowedHost' | 'isFilesHost'>,
  { rawHeaders, headers: { host = '' } }: IncomingMessage,
): void {
  // RFC 9112 section 3.2: "a server MUST respond with a 400 […] to any request message that contains more than one Host".
  if (countHosts(rawHeaders) > 1) throw new Failure('invalid-request', 'The request names more than one Host.');
  if (!isFilesHost(host) && !isAllowedHost(host))
    throw new Failure('wrong-host', 'In development mode only loopback names are answered.');
}

/** Names and values in turn. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}
