/** Uploads on their way: whose, how far, how fast. */
import { useRef } from '@uppy/core/utils/preact/hooks';
import type { LiveUpload, Overview } from '../../server/contract/operator.ts';
import { percentOf } from '../words/formats.ts';
import { Card, CompanyLink, Empty, Table } from './parts.tsx';
import { age, bytes, duration, fullTime, number, speed } from './say.ts';

/** Nothing came for so long: its client is away, or waits. */
const QUIET_SECONDS = 30;

export function LiveUploads({ at, live }: { at: string; live: Overview['live'] }) {
  const speeds = useSpeeds(live.uploads, at);
  const { uploads, uploading, checking } = live;
  const counts = [
    `${bounded(uploading)} on their way`,
    ...(checking.count > 0 ? [`${bounded(checking)} being checked`] : []),
  ];
  const all = uploading.count + checking.count;
  return (
    <Card title="Live uploads" wide note={all === 0 ? undefined : counts.join(', ')}>
      {uploads.length === 0 ? (
        <Empty>Nothing is on its way. Uploads show here while they come in.</Empty>
      ) : (
        <Table
          name="Live uploads"
          head={['File', 'Progress', 'Speed', 'Age', 'State', 'Company', 'Chat', 'From']}
          numbers={[2, 3]}
        >
          {uploads.map((upload) => (
            <tr key={upload.id}>
              <th scope="row" class="file-cell">
                <bdi>{upload.name}</bdi>
                <small>
                  {[upload.mime_type, upload.is_part && 'part of a parallel upload'].filter(Boolean).join(', ')}
                </small>
              </th>
              <td>
                <Progress upload={upload} />
              </td>
              <td data-number>{speeds.get(upload.id) === undefined ? '–' : speed(speeds.get(upload.id) ?? 0)}</td>
              <td data-number title={fullTime(upload.created_at)}>
                {age(upload.created_at, at)}
              </td>
              <td>
                <State upload={upload} at={at} />
              </td>
              <td>
                <CompanyLink company={upload.company_id} />
              </td>
              <td class="id-cell">
                <bdi>{upload.session_id === '' ? '–' : upload.session_id}</bdi>
              </td>
              <td>{upload.uploader === 'user' ? 'Visitor' : 'Agent'}</td>
            </tr>
          ))}
        </Table>
      )}
      {all > uploads.length && <p class="note">{`The ${uploads.length} that moved last are shown.`}</p>}
    </Card>
  );
}

function Progress({ upload: { offset, size } }: { upload: LiveUpload }) {
  const percent = percentOf(offset, size);
  return (
    <span class="progress">
      <svg class="bar" aria-hidden="true">
        <rect class="bar-track" width="100%" height="100%" rx="3" />
        <rect width={`${percent}%`} height="100%" rx="3" fill="var(--accent)" />
      </svg>
      <span class="progress-says">
        {size === null ? `${bytes(offset)}, of unknown size` : `${percent}% of ${bytes(size)}`}
      </span>
    </span>
  );
}

function State({ upload, at }: { upload: LiveUpload; at: string }) {
  if (upload.state === 'checking') return <span class="state">Being checked</span>;
  if (upload.state === 'waiting')
    return (
      <span class="state" data-tone="warn" title={upload.last_error ?? undefined}>
        Will be tried again
      </span>
    );
  const quiet = (Date.parse(at) - Date.parse(upload.active_at)) / 1000;
  return quiet < QUIET_SECONDS ? (
    <span class="state" data-tone="good">
      Receiving
    </span>
  ) : (
    <span class="state">{`Quiet for ${duration(quiet)}`}</span>
  );
}

function bounded({ count, is_more }: Overview['live']['uploading']): string {
  return `${is_more ? 'more than ' : ''}${number(count)}`;
}

/** Bytes a second between two looks, of those that have moved. */
function useSpeeds(uploads: readonly LiveUpload[], at: string): ReadonlyMap<string, number> {
  const last = useRef<{ at: string; offsets: Map<string, number>; speeds: Map<string, number> } | null>(null);
  if (last.current?.at !== at) {
    const before = last.current;
    const seconds = before === null ? 0 : (Date.parse(at) - Date.parse(before.at)) / 1000;
    const speeds = new Map<string, number>();
    for (const { id, offset } of uploads) {
      const moved = offset - (before?.offsets.get(id) ?? offset);
      if (seconds > 0 && moved > 0) speeds.set(id, moved / seconds);
    }
    last.current = { at, offsets: new Map(uploads.map(({ id, offset }) => [id, offset])), speeds };
  }
  return last.current?.speeds ?? new Map();
}
