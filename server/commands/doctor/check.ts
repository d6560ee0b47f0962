/** One thing that `doctor` looked at, and what to do when it is not well. */

export type Check = { name: string; ok: boolean; detail: string; remedy?: string };

export function well(name: string, detail: string): Check {
  return { name, ok: true, detail };
}

/** `remedy`: a sentence that says what to do. */
export function ill(name: string, detail: string, remedy: string): Check {
  return { name, ok: false, detail, remedy };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
