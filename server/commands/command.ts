/** What a command is: its words, its help, and what it is given instead of `process`. */
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import type { Config } from '../config.ts';

/** The outside as a command sees it; `main.ts` alone knows `process`. */
export type Context = {
  /** Standard output: what was asked for. */
  print(text: string): void;
  /** Standard output and input, for bytes. */
  output(): Writable;
  input(): Readable;
  /** Standard error: progress, notes, faults. */
  note(text: string): void;
  /** @throws {ConfigError} with all faults of the settings at once */
  config(): Config;
  /** Resolves at the first SIGINT or SIGTERM. */
  signalled(): Promise<string>;
};

export type Command = {
  /** One line for `chatdrop --help`. */
  summary: string;
  /** What `chatdrop COMMAND --help` prints. */
  help: string;
  /** @returns the exit code: 0 done, 1 failed or something is wrong. @throws {UsageError} for 2 */
  run(args: string[], context: Context): Promise<number>;
};

/** Wrong words on the command line: exit code 2. */
export class UsageError extends Error {}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;
export type Flags = Record<string, string | boolean | undefined>;

/** Flags and, where the command takes some, the words between them. @throws {UsageError} for every other word */
export function readArguments(args: string[], options: Options, takesWords = false): { flags: Flags; words: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: takesWords });
    return { flags: values as Flags, words: positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function textFlag(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
}
