/** What the built server runs: the command line. */
import { runMain } from './run-main.ts';

void runMain();
