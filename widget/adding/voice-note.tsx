/** Records a voice note in the composer's place: level and time, pause, listen, discard, send. */
import { useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { Icon, IconButton } from '../ui/icons.tsx';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import { focused } from './focused.ts';
import { LevelMeter } from './level-meter.tsx';
import { type CaptureProps, recordingFile } from './recorded-file.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { AUDIO_BITS_PER_SECOND, maxRecordingMs } from './recording-limits.ts';
import { RecordingTime } from './recording-time.tsx';
import { useSheet } from './use-sheet.ts';
import { useStream } from './use-stream.ts';

/** Shorter than this nothing was said. */
const ASK_MS = 1000;
const MICROPHONE: MediaStreamConstraints = { audio: { echoCancellation: true, noiseSuppression: true } };

/** `type` is the recorder's. `onDone` gets the file, or null when nothing is to be sent. */
export function VoiceNote(props: CaptureProps) {
  const { type, maxBytes, onDone } = props;
  const words = useWords();
  const panel = useRef<HTMLDivElement>(null);
  useSheet(panel);
  const { stream, problem, retry, stop } = useStream('microphone', MICROPHONE);
  const [recorder, setRecorder] = useState<Recorder | null>(null);

  useEffect(() => {
    if (!stream) return;
    const maxMs = maxRecordingMs('audio', maxBytes);
    const next = createRecorder({ stream, type, bitsPerSecond: AUDIO_BITS_PER_SECOND, maxMs, maxBytes });
    setRecorder(next);
    return next.destroy;
  }, [stream, type, maxBytes]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from wherever the focus is in it
    <div class="recorder" ref={panel} onKeyDown={(event) => event.key === 'Escape' && !recorder && onDone(null)}>
      {recorder ? (
        <Recording recorder={recorder} stream={stream} onStopped={stop} {...props} />
      ) : (
        <>
          <p class="recorder-text" role={problem ? 'alert' : 'status'}>
            {words.label(problem ?? 'loading')}
          </p>
          {problem && (
            <button type="button" class="text-button" onClick={retry} ref={focused}>
              {words.label('tryAgain')}
            </button>
          )}
          <IconButton icon="close" label={words.label('close')} onClick={() => onDone(null)} />
        </>
      )}
    </div>
  );
}

function Recording(props: CaptureProps & { recorder: Recorder; stream: MediaStream | null; onStopped: () => void }) {
  const { recorder, stream, type, maxBytes, onDone, onStopped } = props;
  const words = useWords();
  const { phase, recordedMs, result } = useObservable(recorder.state);
  const [isAsking, setIsAsking] = useState(false);
  const [url, setUrl] = useState<string | null>(null);
  const mainButton = useRef<HTMLButtonElement>(null);
  const keepButton = useRef<HTMLButtonElement>(null);
  const isStopped = phase === 'stopped';

  // The button under the finger changes its meaning: the focus stays on what comes next.
  // When it stops, another button stands there.
  useLayoutEffect(() => (isAsking ? keepButton : mainButton).current?.focus(), [isStopped, isAsking]);
  useEffect(() => {
    if (!isStopped) return;
    onStopped();
    if (!result) {
      onDone(null);
      return;
    }
    const objectUrl = URL.createObjectURL(result);
    setUrl(objectUrl);
    return () => URL.revokeObjectURL(objectUrl);
  }, [isStopped, result, onStopped, onDone]);

  function discard(): void {
    // What is gone cannot be said again: a slip of the finger is asked about.
    if (recordedMs < ASK_MS) {
      onDone(null);
      return;
    }
    recorder.pause();
    setIsAsking(true);
  }

  if (isAsking) {
    return (
      <fieldset
        class="recorder-ask"
        aria-label={words.label('discardQuestion')}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          setIsAsking(false);
        }}
      >
        <span>{words.label('discardQuestion')}</span>
        <button type="button" class="text-button" ref={keepButton} onClick={() => setIsAsking(false)}>
          {words.label('keep')}
        </button>
        <button type="button" class="text-button" data-tone="danger" onClick={() => onDone(null)}>
          {words.label('discard')}
        </button>
      </fieldset>
    );
  }
  return (
    <fieldset
      class="recorder-row"
      aria-label={words.label('voiceNote')}
      data-phase={phase}
      onKeyDown={(event) => {
        if (event.key === 'Escape') discard();
      }}
    >
      <IconButton icon="delete" label={words.label('discard')} onClick={discard} />
      {isStopped ? (
        url !== null && <audio class="recorder-player" src={url} controls aria-label={words.label('voiceNote')} />
      ) : (
        <>
          <RecordingTime recordedMs={recordedMs} maxMs={maxRecordingMs('audio', maxBytes)} phase={phase} />
          {stream && <LevelMeter stream={stream} isOn={phase === 'recording'} />}
          {phase === 'recording' ? (
            <IconButton icon="pause" label={words.label('pause')} onClick={recorder.pause} />
          ) : (
            <IconButton icon="play" label={words.label('resume')} onClick={recorder.resume} />
          )}
        </>
      )}
      {isStopped ? (
        <button
          type="button"
          class="round-button"
          ref={mainButton}
          aria-label={words.label('send')}
          title={words.label('send')}
          onClick={() => onDone(result && recordingFile(words, 'voiceNote', result, type))}
        >
          <Icon name="send" />
        </button>
      ) : (
        <button
          type="button"
          class="round-button"
          data-tone="danger"
          ref={mainButton}
          aria-label={words.label('stopRecording')}
          title={words.label('stopRecording')}
          onClick={recorder.stop}
        >
          <Icon name="stop" />
        </button>
      )}
    </fieldset>
  );
}
