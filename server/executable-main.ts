/** What the single executable runs: the command line, or a process that decodes pictures. */
import { PREVIEW_WORKER_WORD, unpackInto } from './embedded/load-library.ts';
import { runMain } from './run-main.ts';

unpackInto(process.env);
if (process.argv[2] === PREVIEW_WORKER_WORD) void import('./pictures/preview-worker.ts');
else void runMain();
