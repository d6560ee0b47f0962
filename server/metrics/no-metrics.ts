/** Nobody asked for metrics: nothing is counted, and the library is not loaded. */
import { UNWATCHED } from '../rules/watch.ts';
import type { Metrics } from './metrics.ts';

const nothing = () => {};
const begun = () => nothing;

export const NO_METRICS: Omit<Metrics, 'render'> = {
  uploads: {
    started: nothing,
    refused: nothing,
    resumed: nothing,
    finished: nothing,
    ended: nothing,
    bodyBegan: begun,
    received: nothing,
  },
  http: { answered: nothing, problem: nothing, limited: nothing, socketOpened: begun },
  parts: { watch: UNWATCHED, verdict: nothing, queried: nothing },
  standing: { note: nothing, failed: nothing },
  watch: UNWATCHED,
};
