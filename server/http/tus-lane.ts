/**
 * The short way to the tus endpoint: a POST or PATCH with nothing unusual about it is answered without Koa, whose context, chain
 * of middleware and router cost as much as the rest of a small upload between socket and storage. The rules are not written
 * again: each is the function that the middleware calls, in the same order. Whatever is unusual takes the long way.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { AuthenticateToken } from '../auth/authenticate-token.ts';
import type { Origins } from '../auth/origins.ts';
import type { Participant } from '../rules/participant.ts';
import { isUploadId } from '../rules/upload-id.ts';
import { identify } from './authenticate.ts';
import { checkHost } from './check-host.ts';
import type { ClientAddress } from './client-address.ts';
import { allowOrigin } from './cors.ts';
import { sayStandings } from './limit-creations.ts';
import type { NoteAnswer } from './note-answers.ts';
import type { HeaderList, OwnResponse } from './own-response.ts';
import { type AnswerProblem, PROBLEM_TYPE } from './problem-responses.ts';
import type { CreationLimits } from './rate-limit.ts';
import { REQUEST_ID_HEADER } from './request-context.ts';
import { endUnread, isUnread } from './unread-body.ts';

export type TusShortcuts = {
  /** What every answer below the path says. */
  said: Readonly<Record<string, string>>;
  post(answer: TusAnswer): Promise<void>;
  patch(answer: TusAnswer, id: string): Promise<void>;
};

type Needs = {
  log: Pick<Logger, 'error'>;
  path: string;
  tus: TusShortcuts;
  origins: Origins;
  authenticateToken: AuthenticateToken;
  clientAddress: ClientAddress;
  creationLimits: Pick<CreationLimits, 'standings'>;
  answerProblem: AnswerProblem;
  noteAnswer: NoteAnswer;
  draining: AbortSignal;
};

/** @returns whether it has taken the request; if not, nothing was done */
export type TusLane = (request: IncomingMessage, response: ServerResponse) => boolean;

export function createTusLane(needs: Needs): TusLane {
  const { path, origins } = needs;
  const below = `${path}/`;
  const routes = { POST: path, PATCH: `${path}/:id` };
  return (request, response) => {
    const { method, url: asked = '', headers } = request;
    if (method !== 'POST' && method !== 'PATCH') return false;
    const id = asked.startsWith(below) ? asked.slice(below.length) : '';
    if (method === 'POST' ? asked !== path && asked !== below : !isUploadId(id)) return false;
    // What is meant may be another method; and where files are, there is no API.
    if (headers['x-http-method-override'] !== undefined || origins.isFilesHost(headers.host)) return false;
    // Of a client that leaves there is no other status to tell.
    response.statusCode = 404;
    needs.noteAnswer(request, response, { method, path: asked, _matchedRoute: routes[method] });
    const answer = new TusAnswer(request);
    serve(needs, answer, response as OwnResponse, { method, path: asked, id }).catch((err: unknown) => {
      needs.log.error({ err, method, path: asked }, 'an answer could not be sent');
      // Nobody would send another: a client that hears nothing would wait for it as long as its connection stands.
      request.socket.destroy();
    });
    return true;
  };
}

/** As much of Koa's context as the endpoint knows. */
export class TusAnswer {
  readonly req: IncomingMessage;
  /** The caller is there before the endpoint is called. */
  readonly state = { address: '' } as { caller: Participant; address: string };
  status = 404;
  body: unknown = '';
  readonly headers: HeaderList = [];

  constructor(req: IncomingMessage) {
    this.req = req;
  }

  set(name: string, value: string): void {
    const at = this.headers.indexOf(name);
    if (at >= 0 && at % 2 === 0) this.headers[at + 1] = value;
    else this.headers.push(name, value);
  }
}

type Asked = { method: 'POST' | 'PATCH'; path: string; id: string };

async function serve(needs: Needs, answer: TusAnswer, response: OwnResponse, asked: Asked): Promise<void> {
  const { answerProblem, draining } = needs;
  try {
    await ask(needs, answer, asked);
  } catch (error) {
    const requestId = String(response.getHeader(REQUEST_ID_HEADER));
    if (!answerProblem(error, answer, { method: asked.method, path: asked.path, requestId })) {
      response.end();
      return;
    }
    answer.set('Content-Type', PROBLEM_TYPE);
  }
  const { req: request, status, headers } = answer;
  const body = String(answer.body);
  const isWritable = !response.writableEnded && (response.socket === null || response.socket.writable);
  if (!isWritable) {
    response.end();
    return;
  }
  const isEarly = isUnread(request);
  if (isEarly || draining.aborted) headers.push('Connection', 'close');
  if (status !== 204) headers.push('Content-Length', String(Buffer.byteLength(body)));
  response.writeWhole(status, headers);
  if (isEarly) await endUnread(request, response, body);
  else response.end(body);
}

async function ask(needs: Needs, answer: TusAnswer, { method, id }: Asked): Promise<void> {
  const { tus, origins, creationLimits } = needs;
  const { req: request, state } = answer;
  checkHost(origins, request);
  allowOrigin(origins, request.headers, answer);
  for (const name in tus.said) answer.set(name, tus.said[name] as string);
  await identify(needs, request, answer, method);
  if (method === 'PATCH') return tus.patch(answer, id);
  state.address = needs.clientAddress(request);
  try {
    await tus.post(answer);
  } finally {
    await sayStandings(creationLimits, state.caller, state.address, answer);
  }
}
