/** Runs a Chatdrop command to its end: as a process of its own, or (faster) in this one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { vi } from 'vitest';
import { main } from '../../server/main.ts';
import { EXECUTABLE, SERVER_ENTRY } from './built-server.ts';

/** A command that has not ended by then hangs; it is killed, and its exit code is null. */
const COMMAND_TIMEOUT_MS = 60_000;

const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export type CommandEnd = { code: number | null; stdout: string; stderr: string };

type Options = {
  /** Into a pipe whose reader is gone, as `chatdrop … | head` may have it. */
  unread?: boolean;
  /** SIGKILL, if it still runs then. */
  killAfterMs?: number;
  /** The single executable; `EXECUTABLE` if there is none of the test's own. */
  executable?: string | undefined;
};

export async function runCommand(
  args: string[],
  env: Record<string, string>,
  { unread = false, killAfterMs = COMMAND_TIMEOUT_MS, executable = EXECUTABLE }: Options = {},
): Promise<CommandEnd> {
  const { PATH = '', HOME = '' } = process.env;
  const [program = '', ...script] = executable === undefined ? [process.execPath, SERVER_ENTRY] : [executable];
  const child = spawn(program, [...script, ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  if (unread) child.stdout.destroy();
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  return { code, ...output };
}

export async function runCommandHere(args: string[], env: Record<string, string>): Promise<CommandEnd> {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += text;
      return true;
    }),
  );
  const before = END_SIGNALS.map((signal) => process.listeners(signal));
  try {
    const code = await main(args, env);
    return { code, ...output };
  } finally {
    for (const spy of spies) spy.mockRestore();
    // A process of its own would end here, and what listened to signals with it.
    for (const [at, signal] of END_SIGNALS.entries())
      for (const listener of process.listeners(signal))
        if (!before[at]?.includes(listener)) process.off(signal, listener);
  }
}
