/** What the process that decodes pictures is asked, and what it says. */

export type WorkerRequest =
  /** `isUpright`: whatever its Exif data says, it is not to be turned. */
  | { do: 'preview'; isUpright: boolean }
  /** The same picture in fewer bytes. `keepsMetadata`: what stands beside the pixels comes along. */
  | { do: 'compress'; maxSidePx: number; keepsMetadata: boolean };

export type WorkerAnswer =
  | { is: 'ready' }
  /** The library that decodes is not there, or not for this machine. */
  | { is: 'unavailable'; reason: string }
  /** There will never be one of this picture. */
  | { is: 'refused'; reason: string }
  /** `width` and `height` as it is shown; `placeholder` base64. The thumbnail's bytes follow. */
  | { is: 'made'; width: number; height: number; placeholder: string; thumbnailBytes: number }
  /** The picture's bytes follow. */
  | { is: 'compressed'; pictureBytes: number };

/** @throws when it is nothing of the above: whoever took the process over may write what they like */
export function readAnswer(json: string): WorkerAnswer {
  const said = JSON.parse(json) as Record<string, unknown>;
  if (said.is === 'ready') return { is: 'ready' };
  if (said.is === 'unavailable' || said.is === 'refused') return { is: said.is, reason: text(said.reason, 1000) };
  if (said.is === 'compressed') return { is: 'compressed', pictureBytes: count(said.pictureBytes) };
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
