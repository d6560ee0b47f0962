/** One chat in the list: what came last, what is on its way, and whether it is news. */
import { FileBadge } from '../ui/file-badge.tsx';
import { Icon } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';
import type { Words } from '../words/create-words.ts';
import { percentOf } from '../words/formats.ts';
import type { Move } from './chat-moves.ts';
import type { ChatRow } from './chat-rows.ts';
import { PlaceLink } from './dashboard-context.tsx';
import { ProgressRing } from './progress-ring.tsx';

const DAY_MS = 86_400_000;

export function ChatItem({ row, isCurrent, isTabStop }: { row: ChatRow; isCurrent: boolean; isTabStop: boolean }) {
  const words = useWords();
  const { moves } = row;
  const percent = moves.length === 0 ? null : percentOfAll(moves);
  const face = moves[0]?.name ?? row.lastFile?.name ?? '';
  return (
    <li>
      <PlaceLink
        to={{ kind: 'chat', id: row.id, view: 'chat' }}
        class="chat-item"
        current={isCurrent}
        tabIndex={isTabStop ? 0 : -1}
        id={row.id}
        isNew={row.isNew}
      >
        <ProgressRing percent={percent}>
          {face === '' ? (
            <span class="badge">
              <Icon name="folder" />
            </span>
          ) : (
            <FileBadge name={face} type={moves.length > 0 ? '' : (row.lastFile?.mime_type ?? '')} />
          )}
        </ProgressRing>
        <span class="chat-item-text">
          <bdi class="chat-item-id">{row.id}</bdi>
          <span class="chat-item-note" data-tone={row.needsAgent ? 'danger' : undefined}>
            {row.needsAgent
              ? words.label('incomingFailed')
              : moves.length > 0
                ? movingText(words, moves, percent ?? 0)
                : restText(words, row)}
          </span>
        </span>
        <span class="chat-item-end">
          <time dateTime={new Date(row.lastActivityAt).toISOString()}>{whenText(words, row.lastActivityAt)}</time>
          {row.isNew && (
            <span class="new-mark" data-counted={row.newCount > 0 || undefined}>
              <span class="visually-hidden">
                {row.newCount > 0 ? words.text('newCount', { count: row.newCount }) : words.label('hasNew')}
              </span>
              {row.newCount > 0 && <span aria-hidden="true">{words.number(row.newCount)}</span>}
            </span>
          )}
        </span>
      </PlaceLink>
    </li>
  );
}

/** Of all bytes together; those whose size nobody knows do not count. */
function percentOfAll(moves: Move[]): number {
  let arrived = 0;
  let all = 0;
  for (const { size, offset } of moves) {
    arrived += size === null ? 0 : offset;
    all += size ?? 0;
  }
  return percentOf(arrived, all || null);
}

function movingText(words: Words, moves: Move[], percent: number) {
  const part = words.percent(percent, 100);
  const [first, ...others] = moves;
  if (!first || others.length > 0) return words.facts(words.text('underWay', { count: moves.length }), part);
  return (
    <>
      <bdi class="chat-item-name">{first.name}</bdi>
      <span class="chat-item-percent">{part}</span>
    </>
  );
}

function restText(words: Words, { lastFile, filesCount, unfinished }: ChatRow) {
  if (lastFile !== null) return <bdi class="chat-item-name">{lastFile.name}</bdi>;
  if (filesCount > 0) return words.text('fileCount', { count: filesCount });
  return unfinished > 0 ? words.label('unfinished') : words.label('noFiles');
}

/** The time of day while it says enough, else the day. */
function whenText(words: Words, at: number): string {
  const date = new Date(at);
  return Date.now() - at < DAY_MS && date.getDate() === new Date().getDate()
    ? words.time(date)
    : new Intl.DateTimeFormat(words.locale, { day: 'numeric', month: 'short' }).format(date);
}
