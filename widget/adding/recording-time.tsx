/** How long it has recorded, and near the limit how long it still will. */
import { useWords } from '../ui/use-words.tsx';
import type { RecorderState } from './recorder.ts';

/** Earlier than this nobody needs to hurry. */
const COUNTDOWN_MS = 30_000;

/** Not a live region: a second that is spoken covers what is recorded. */
export function RecordingTime(props: { recordedMs: number; maxMs: number; phase: RecorderState['phase'] }) {
  const { recordedMs, maxMs, phase } = props;
  const words = useWords();
  const leftMs = maxMs - recordedMs;
  const time = words.clock(recordedMs / 1000);
  return (
    <span class="recording-time" data-phase={phase}>
      <span aria-hidden="true">{time}</span>
      <span class="visually-hidden">{words.text('recording', { time })}</span>
      {phase === 'paused' && <small>{words.label('paused')}</small>}
      {phase === 'recording' && leftMs < COUNTDOWN_MS && (
        <small>{words.text('stopsIn', { duration: words.duration(leftMs / 1000) })}</small>
      )}
    </span>
  );
}
