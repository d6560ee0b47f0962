/** Traces, where the settings name a collector. */
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import { createIsProxied } from '../rules/proxied.ts';
import { NO_TRACING } from '../tracing/no-tracing.ts';
import type { Tracing } from '../tracing/tracing.ts';

export async function composeTracing({ tracesTo, tracedService, tracedRatio, trustProxy }: Config): Promise<Tracing> {
  if (tracesTo === undefined) return NO_TRACING;
  const { createTracing } = await import('../tracing/tracing.ts');
  const { version } = packageJson;
  const takesOver = createIsProxied(trustProxy);
  return createTracing({ endpoint: tracesTo, serviceName: tracedService, version, ratio: tracedRatio, takesOver });
}
