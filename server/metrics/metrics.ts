/** What the server counts and measures of itself, and says at `/metrics`; every name here stands in `docs/metrics.md`. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Watch } from '../rules/watch.ts';
import { createHttpMetrics, type HttpMetrics } from './http-metrics.ts';
import { createPartMetrics, type PartMetrics } from './part-metrics.ts';
import { createStandingMetrics, type StandingMetrics } from './standing-metrics.ts';
import { createUploadMetrics, type UploadMetrics } from './upload-metrics.ts';

/** None of it throws, and none of it waits. No label holds what a client or a company named. */
export type Metrics = {
  uploads: UploadMetrics;
  http: HttpMetrics;
  parts: PartMetrics;
  standing: StandingMetrics;
  watch: Watch;
  /** Prometheus' text format. */
  render(): Promise<RenderedMetrics>;
};

export type RenderedMetrics = { contentType: string; text: string };

/** `now`: milliseconds since 1970. */
export function createMetrics({ version, now }: { version: string; now(): number }): Metrics {
  const registry = new Registry();
  // Of a registry of its own, not of the library's: a test may have two servers in one process.
  collectDefaultMetrics({ register: registry });
  const about = new Gauge({
    name: 'chatdrop_build_info',
    help: 'Always 1; the labels say which version runs, on which Node.',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  about.set({ version, node: process.versions.node }, 1);
  const parts = createPartMetrics(registry);
  return {
    uploads: createUploadMetrics(registry, now),
    http: createHttpMetrics(registry),
    parts,
    standing: createStandingMetrics(registry),
    watch: parts.watch,
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
