/** The command line as a process: its exit code, and its end. */
import { main } from './main.ts';

const EXIT_GRACE_MS = 200;

export async function runMain(): Promise<void> {
  endWithReader();
  process.exitCode = await main(process.argv.slice(2), process.env);
  // The work is done: a timer that a library left ticking must not keep the process.
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}

/** A reader that has gone, such as `head`, is no fault to tell of, and there is nobody to print to. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(1);
  });
}
