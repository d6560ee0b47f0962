/** An id for each request: in its answer, in a problem's body, and in every line that the log has about it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { createIsProxied } from '../rules/proxied.ts';
import { randomText } from '../rules/random-text.ts';

type Needs = {
  /** Proxies before this server: how many there are, or their addresses. 0: none. */
  trustProxy: number | readonly string[];
};

/** What a line of the log says of the request that it is about. */
type LogFields = { request_id?: string; trace_id?: string };

export type RequestContext = {
  idOf(request: IncomingMessage): string;
  /** Whatever the work does or starts is about this request. */
  run<T>(request: IncomingMessage, work: () => T): T;
  /** The request is part of this trace. */
  noteTrace(traceId: string): void;
  fields(): LogFields;
};

/** On the request itself: a WeakMap of them is more work than all else here, for each request and for each collection. */
const ID = Symbol('request id');
type Named = IncomingMessage & { [ID]?: string };

export const REQUEST_ID_HEADER = 'X-Request-Id';
/** What a proxy may send: nothing that could be taken for something else in a header, in JSON or in a shell. */
const HARMLESS = /^[A-Za-z0-9._-]{1,64}$/;

/** A proxy's id is taken over where `TRUST_PROXY` says that there is one: a client could choose that of somebody else's request. */
export function createRequestContext({ trustProxy }: Needs): RequestContext {
  const current = new AsyncLocalStorage<LogFields>();
  const isProxied = createIsProxied(trustProxy);
  const given = (request: IncomingMessage): string | null => {
    const id = request.headers['x-request-id'];
    if (typeof id !== 'string' || !HARMLESS.test(id)) return null;
    return isProxied(request) ? id : null;
  };
  const idOf = (request: Named): string => {
    request[ID] ??= given(request) ?? newRequestId();
    return request[ID];
  };
  return {
    idOf,
    run: (request, work) => current.run({ request_id: idOf(request) }, work),
    noteTrace(traceId) {
      const fields = current.getStore();
      if (fields !== undefined) fields.trace_id = traceId;
    },
    fields: () => current.getStore() ?? {},
  };
}

/** For what never became a request: 64 random bits. */
export function newRequestId(): string {
  return randomText(8, 'hex');
}
