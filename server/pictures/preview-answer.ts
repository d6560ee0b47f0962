/** What the process that decodes pictures says. */

export type WorkerAnswer =
  | { is: 'ready' }
  /** The library that decodes is not there, or not for this machine. */
  | { is: 'unavailable'; reason: string }
  /** There will never be one of this picture. */
  | { is: 'refused'; reason: string }
  /** `width` and `height` as it is shown; `placeholder` base64. The thumbnail's bytes follow. */
  | { is: 'made'; width: number; height: number; placeholder: string; thumbnailBytes: number };

/** @throws when it is nothing of the above: whoever took the process over may write what they like */
export function readAnswer(json: string): WorkerAnswer {
  const said = JSON.parse(json) as Record<string, unknown>;
  if (said.is === 'ready') return { is: 'ready' };
  if (said.is === 'unavailable' || said.is === 'refused') return { is: said.is, reason: text(said.reason, 1000) };
  if (said.is !== 'made') throw new Error('an answer that nobody knows');
  return {
    is: 'made',
    width: count(said.width),
    height: count(said.height),
    placeholder: text(said.placeholder, 64),
    thumbnailBytes: count(said.thumbnailBytes),
  };
}

function text(value: unknown, maxCharacters: number): string {
  if (typeof value !== 'string' || value.length > maxCharacters) throw new Error('an answer with a wrong text');
  return value;
}

function count(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 2 ** 31 - 1)
    throw new Error('an answer with a wrong number');
  return value as number;
}
