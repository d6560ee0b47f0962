/** Traces for OpenTelemetry: a span for each request, finish and preview, and for what is done in them, sent by OTLP over HTTP. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { Failure } from '../rules/failure.ts';
import type { Watch } from '../rules/watch.ts';

type Needs = {
  /** Of the collector, without `/v1/traces`. */
  endpoint: string;
  serviceName: string;
  version: string;
  /** Of the traces that begin here, 0 to 1; one that a proxy began is as the proxy says. */
  ratio: number;
  /** Whether its `traceparent` counts. */
  takesOver(request: IncomingMessage): boolean;
};

type Answered = { request: IncomingMessage; method: string; route: string; status: number };

/** No attribute holds a name, an id, an address, a path or a query. None of it throws, and nobody waits for it. */
export type Tracing = {
  watch: Watch;
  /** Whatever the work does is part of the request's trace, which may have begun at a proxy (`traceparent`). */
  request(request: IncomingMessage, work: () => void): void;
  /** Of a request that is under way; null where there is none. */
  traceIdOf(request: IncomingMessage): string | null;
  answered(answer: Answered): void;
  /** Sends what is left. */
  stop(): Promise<void>;
};

/** Spans that wait to be sent: more are dropped, so that a collector that is away costs no more than this. */
const MAX_QUEUE_SPANS = 2048;
const SEND_EVERY_MS = 2_000;
const SEND_TIMEOUT_MS = 5_000;

export function createTracing({ endpoint, serviceName, version, ratio, takesOver }: Needs): Tracing {
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: SEND_TIMEOUT_MS });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, maxQueueSize: MAX_QUEUE_SPANS, scheduledDelayMillis: SEND_EVERY_MS }),
    ],
  });
  const tracer = provider.getTracer('chatdrop', version);
  const current = new AsyncLocalStorage<Context>();
  const underWay = new WeakMap<IncomingMessage, Context>();
  const propagator = new W3CTraceContextPropagator();
  const headers = {
    keys: (carrier: IncomingMessage) => Object.keys(carrier.headers),
    get: (carrier: IncomingMessage, name: string) => carrier.headers[name.toLowerCase()],
  };
  return {
    async watch(part, operation, work) {
      const parent = current.getStore();
      // What chores ask of the storage all day belongs to no trace.
      if (parent === undefined && part !== 'upload' && part !== 'preview') return work();
      const span = tracer.startSpan(`${part} ${operation}`, {}, parent ?? ROOT_CONTEXT);
      try {
        return await current.run(trace.setSpan(parent ?? ROOT_CONTEXT, span), work);
      } catch (error) {
        // A message may hold a name.
        const message = error instanceof Failure ? error.code : 'fault';
        span.setStatus({ code: SpanStatusCode.ERROR, message });
        throw error;
      } finally {
        span.end();
      }
    },
    request(request, work) {
      // A stranger's would decide what is kept, and be a part of other traces.
      const parent = takesOver(request) ? propagator.extract(ROOT_CONTEXT, request, headers) : ROOT_CONTEXT;
      const method = request.method ?? 'GET';
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER }, parent);
      const context = trace.setSpan(parent, span);
      underWay.set(request, context);
      current.run(context, work);
    },
    traceIdOf(request) {
      const context = underWay.get(request);
      return (context && trace.getSpanContext(context)?.traceId) ?? null;
    },
    answered({ request, method, route, status }) {
      const context = underWay.get(request);
      const span = context && trace.getSpan(context);
      if (span === undefined) return;
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.request.method': method, 'http.route': route, 'http.response.status_code': status });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
      underWay.delete(request);
    },
    stop: () => provider.shutdown(),
  };
}
