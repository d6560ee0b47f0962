/** A progress bar with its percent as text. */
import { percentOf } from '../words/formats.ts';
import { useWords } from './use-words.tsx';

/** `whole: null` shows a bar without an end. */
export function ProgressLine(props: { label: string; part: number; whole: number | null }) {
  const words = useWords();
  const { label, part, whole } = props;
  return (
    <div class="progress-line">
      <progress max={100} aria-label={label} {...(whole !== null && { value: percentOf(part, whole) })} />
      {whole !== null && <span class="percent">{words.percent(part, whole)}</span>}
    </div>
  );
}
