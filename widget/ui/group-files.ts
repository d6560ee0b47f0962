/** How the shared files stand in the chat: by day, and pictures that were sent together in one group. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { shownAs } from './file-kind.ts';

/** One message: a file, or several pictures. `key` stays when pictures are added to it. */
export type FileGroup = { key: string; day: string; files: ChatFile[] };

/** Pictures that follow each other within this time were sent together. */
const TOGETHER_MS = 2 * 60_000;

/** `dayOf` names the day of a date; `files` stand oldest first. */
export function groupFiles(files: ChatFile[], dayOf: (date: Date) => string): FileGroup[] {
  const groups: FileGroup[] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const file of files) {
    const ms = Date.parse(file.created_at);
    const group = groups.at(-1);
    const before = group?.files.at(-1);
    // The day is asked again only when it can be another one: naming two thousand dates takes a while.
    const day = group && isSameDay(lastMs, ms) ? group.day : dayOf(new Date(ms));
    const isTogether =
      before !== undefined &&
      before.uploader === file.uploader &&
      ms - lastMs <= TOGETHER_MS &&
      group?.day === day &&
      shownAs(before) === 'picture' &&
      shownAs(file) === 'picture';
    if (isTogether) group.files.push(file);
    else groups.push({ key: `file-${file.id}`, day, files: [file] });
    lastMs = ms;
  }
  return groups;
}

function isSameDay(oneMs: number, otherMs: number): boolean {
  return Math.abs(oneMs - otherMs) < 24 * 3_600_000 && new Date(oneMs).getDate() === new Date(otherMs).getDate();
}
