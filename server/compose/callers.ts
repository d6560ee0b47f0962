import { createOrigins } from '../auth/origins.ts';
import { createBoundedLimiter } from '../http/bounded-limiter.ts';
import { createClientAddress } from '../http/client-address.ts';
import { createClientOf } from '../http/client-of.ts';
import { createSecurityLog } from '../http/security-log.ts';
import type { Parts } from './parts.ts';

/** Of addresses that were refused something in the last minute. */
const LOG_LINES = { windowSeconds: 60, maxKeys: 10_000 };

export type Callers = ReturnType<typeof composeCallers>;

/** Who calls: from which address and which page; and what is written down of whom is refused. */
export function composeCallers({ config, log, policies, metrics }: Parts) {
  const origins = createOrigins(config, policies);
  const onIgnored = () =>
    log.warn(
      'Requests carry X-Forwarded-For, and TRUST_PROXY is not set: all visitors behind that proxy count as one.',
    );
  const clientAddress = createClientAddress({ trustProxy: config.trustProxy, onIgnored });
  const clientOf = createClientOf(clientAddress);
  const written = createSecurityLog({ log, clientAddress, limiter: createBoundedLimiter(LOG_LINES) });
  const securityLog: typeof written = {
    ...written,
    refused(failure, ...whom) {
      metrics.http.problem(failure.code);
      written.refused(failure, ...whom);
    },
  };
  return { origins, clientAddress, clientOf, securityLog };
}
