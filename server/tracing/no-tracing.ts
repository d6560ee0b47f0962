/** Nobody asked for traces: nothing is traced, and the SDK is not loaded. */
import { UNWATCHED } from '../rules/watch.ts';
import type { Tracing } from './tracing.ts';

export const NO_TRACING: Tracing = {
  watch: UNWATCHED,
  request: (_request, work) => work(),
  traceIdOf: () => null,
  answered() {},
  stop: async () => {},
};
