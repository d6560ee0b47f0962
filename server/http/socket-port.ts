/** `WS_PORT`: a second listener that knows the WebSocket only, for clients that expect it on a port of its own. */
import type { Server } from 'node:http';
import { problemOf } from '../contract/problem.ts';
import { createHttpServer, portOf } from './http-server.ts';
import { REQUEST_ID_HEADER } from './request-context.ts';

export function createSocketPort(...how: Parameters<typeof createHttpServer>): Server {
  const server = createHttpServer(...how);
  server.on('request', (request, response) => {
    const detail = 'This port is for WebSockets at /ws/chat/{company_id}/{session_id}/ only.';
    const problem = problemOf('not-found', detail, String(response.getHeader(REQUEST_ID_HEADER)));
    response.writeHead(problem.status, { 'Content-Type': 'application/problem+json', Connection: 'close' });
    response.end(JSON.stringify(problem));
    request.resume();
  });
  return server;
}

/** A Host as it reads on a server's own port: its pages have that one as their origin. */
export function hostAt(server: Server, host: string | undefined): string | undefined {
  return host === undefined ? undefined : `${host.replace(/:\d+$/, '')}:${portOf(server)}`;
}
