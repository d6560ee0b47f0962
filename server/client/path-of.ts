/** Paths of the server's API, of ids that may be anything. */
import { ChatdropError } from './chatdrop-error.ts';

/**
 * `prefix`, then each part as one segment, then a slash.
 * @throws {ChatdropError} `invalid-request` for a part that is empty, `.` or `..`: those are no ids, and lead somewhere else
 */
export function pathOf(prefix: string, ...parts: readonly (string | number)[]): string {
  return `${prefix}${parts.map((part) => `${segmentOf(part)}/`).join('')}`;
}

function segmentOf(part: string | number): string {
  const text = String(part);
  if (text === '' || text === '.' || text === '..') throw new ChatdropError('invalid-request', `“${text}” is no id.`);
  return encodeURIComponent(text);
}
