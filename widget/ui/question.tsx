/** Asks before something is lost, in the place where it was asked for; the safe answer has the focus. */
import { useLayoutEffect, useRef } from '@uppy/core/utils/preact/hooks';

export function Question(props: { text: string; no: string; yes: string; onNo: () => void; onYes: () => void }) {
  const no = useRef<HTMLButtonElement>(null);
  // Pressing Enter twice loses nothing. In the step that shows it: later it would take the focus from who is quicker.
  useLayoutEffect(() => no.current?.focus(), []);
  return (
    <fieldset class="confirm" aria-label={props.text} onKeyDown={(event) => event.key === 'Escape' && props.onNo()}>
      <span>{props.text}</span>
      <button type="button" class="text-button" ref={no} onClick={props.onNo}>
        {props.no}
      </button>
      <button type="button" class="text-button" data-tone="danger" onClick={props.onYes}>
        {props.yes}
      </button>
    </fieldset>
  );
}
