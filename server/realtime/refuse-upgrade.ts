/** A handshake that is refused gets an HTTP answer, with the same problem object as every other error. */
import type { Duplex } from 'node:stream';
import { problemOf } from '../contract/problem.ts';
import { headerLines } from '../rules/answer-headers.ts';
import type { Failure } from '../rules/failure.ts';

export function refuseUpgrade(
  socket: Duplex,
  { code, message, status, retryAfterSeconds }: Failure,
  ofEveryAnswer: Readonly<Record<string, string>>,
  requestId: string,
): void {
  const problem = problemOf(code, message, requestId);
  const body = JSON.stringify(problem);
  const headers = {
    ...ofEveryAnswer,
    'X-Request-Id': requestId,
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': retryAfterSeconds }),
  };
  // The client has said all it may; one that keeps its half open would hold the connection.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${problem.title}\r\n${headerLines(headers)}\r\n${body}`);
}
