/** Requests, refusals, sockets and limits: what comes in at the edges. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ProblemCode } from '../contract/problem.ts';

export type Transport = 'socket_io' | 'websocket';
export type LimitName = 'uploads' | 'parts' | 'admin_token' | 'metrics_token' | 'sockets';

/** `route`: as the table of routes has it, never the path. `fileBytes`: sent by a route that answers with files */
export type Answered = { method: string; route: string; status: number; seconds: number; fileBytes: number };

export type HttpMetrics = {
  answered(answer: Answered): void;
  /** Whoever was refused anything, by whichever edge. */
  problem(code: ProblemCode): void;
  limited(limit: LimitName): void;
  /** @returns to be called when it closes */
  socketOpened(transport: Transport): () => void;
};

/** What Node's parser lets through is more: all else is one label. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS']);
const LIMITS: LimitName[] = ['uploads', 'parts', 'admin_token', 'metrics_token', 'sockets'];
const TRANSPORTS: Transport[] = ['socket_io', 'websocket'];
/**
 * Questions take milliseconds; what brings or sends a file takes as long as its client does: the upper half tells a second
 * from a minute from ten.
 */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];

export function createHttpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'chatdrop_http_requests_total',
    help: 'Requests that were answered, or whose client left.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'chatdrop_http_request_seconds',
    help: 'From the headers of a request to the end of its answer.',
    labelNames: ['method', 'route'],
    buckets: REQUEST_SECONDS,
    registers,
  });
  const problems = new Counter({
    name: 'chatdrop_problems_total',
    help: 'Requests and sockets that were refused, by the code of the problem.',
    labelNames: ['code'],
    registers,
  });
  const limits = new Counter({
    name: 'chatdrop_rate_limits_hit_total',
    help: 'Times that somebody was told to wait, by what is limited.',
    labelNames: ['limit'],
    registers,
  });
  const sockets = new Gauge({
    name: 'chatdrop_sockets',
    help: 'Sockets that are open.',
    labelNames: ['transport'],
    registers,
  });
  const served = new Counter({
    name: 'chatdrop_served_bytes_total',
    help: 'Bytes of files that went out, counted when an answer ends; not those that a bucket sends itself.',
    registers,
  });
  for (const limit of LIMITS) limits.inc({ limit }, 0);
  for (const transport of TRANSPORTS) sockets.set({ transport }, 0);
  return {
    answered({ method: sent, route, status, seconds, fileBytes }) {
      const method = METHODS.has(sent) ? sent : 'other';
      requests.inc({ method, route, status });
      durations.observe({ method, route }, seconds);
      if (fileBytes > 0) served.inc(fileBytes);
    },
    problem(code) {
      problems.inc({ code });
      if (code === 'too-many-sockets') limits.inc({ limit: 'sockets' });
    },
    limited: (limit) => limits.inc({ limit }),
    socketOpened(transport) {
      sockets.inc({ transport });
      return () => sockets.dec({ transport });
    },
  };
}
