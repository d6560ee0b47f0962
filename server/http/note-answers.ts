/** Once an answer has ended, or its client has left: a line in the log, and a count. The line has no query: it may hold a signature. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';

export type Answered = {
  request: IncomingMessage;
  method: string;
  route: string;
  status: number;
  seconds: number;
  fileBytes: number;
};

type Needs = {
  log: Logger;
  /** `route` is a row of the table of routes, or `none`. */
  onAnswered(answer: Answered): void;
  mediaPath: string;
};

/** As it is known at the end. `_matchedRoute`: as the router names the row of its table. */
type Asked = { method: string; path: string; _matchedRoute?: unknown };

export type NoteAnswer = (request: IncomingMessage, response: ServerResponse, asked: Asked) => void;

export function createNoteAnswer({ log, onAnswered, mediaPath }: Needs): NoteAnswer {
  const shown = createShownRoutes(mediaPath);
  return (request, response, asked) => {
    const { socket } = request;
    const startedAt = performance.now();
    const sentBefore = socket.bytesWritten;
    response.once('close', () => {
      const ms = performance.now() - startedAt;
      const { method } = asked;
      const { route, sendsFiles } = shown(asked._matchedRoute);
      const status = response.statusCode;
      if (log.isLevelEnabled('debug')) log.debug({ method, path: asked.path, status, ms: Math.round(ms) }, 'request');
      const fileBytes = sendsFiles && method === 'GET' ? Math.max(0, socket.bytesWritten - sentBefore) : 0;
      onAnswered({ request, method, route, status, seconds: ms / 1000, fileBytes });
    });
  };
}

type ShownRoute = { route: string; sendsFiles: boolean };

/** As the README writes it: `/api/chat/files/{id}`. The route is the table's, so that there are as many as it has rows. */
function createShownRoutes(mediaPath: string): (route: unknown) => ShownRoute {
  const known = new Map<unknown, ShownRoute>();
  const show = (matched: unknown): ShownRoute => {
    const route = typeof matched === 'string' ? matched.replaceAll(/:([a-z]+)|\{\*([a-z]+)\}/g, '{$1$2}') : 'none';
    const sendsFiles =
      route.startsWith(mediaPath) ||
      route.endsWith('/content') ||
      route.endsWith('/archive') ||
      route.endsWith('/export');
    return { route, sendsFiles };
  };
  return (matched) => {
    const there = known.get(matched) ?? show(matched);
    known.set(matched, there);
    return there;
  };
}
