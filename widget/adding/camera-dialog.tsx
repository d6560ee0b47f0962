/** The camera as a dialog: live picture, photo or video with sound, another camera, take it again, send. */
import { useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { Icon, IconButton } from '../ui/icons.tsx';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import { focused } from './focused.ts';
import { type CaptureProps, recordingFile } from './recorded-file.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { maxRecordingMs, VIDEO_BITS_PER_SECOND } from './recording-limits.ts';
import { RecordingTime } from './recording-time.tsx';
import { takePhoto } from './take-photo.ts';
import { useCameras } from './use-cameras.ts';
import { useSheet } from './use-sheet.ts';
import { useStream } from './use-stream.ts';

type Mode = 'photo' | 'video';
type Taken = { blob: Blob; what: Mode };

/** `type` is null where no video may be sent, `photoType` where no photo may. */
export function CameraDialog(props: Omit<CaptureProps, 'type'> & { type: string | null; photoType: string | null }) {
  const { type, photoType, onDone } = props;
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const [mode, setMode] = useState<Mode>(photoType === null ? 'video' : 'photo');
  const [cameraId, setCameraId] = useState<string | null>(null);
  const [taken, setTaken] = useState<Taken | null>(null);
  const [recorder, setRecorder] = useState<Recorder | null>(null);
  useSheet(dialog);
  const { stream, problem, retry } = useStream('camera', {
    video: {
      width: { ideal: 1280 },
      height: { ideal: 720 },
      ...(cameraId !== null && { deviceId: { exact: cameraId } }),
    },
    // Asked for with the video only: a photo must not ask for the microphone.
    ...(mode === 'video' && { audio: true }),
  });
  const cameras = useCameras(stream);
  useEffect(() => () => recorder?.destroy(), [recorder]);
  useLayoutEffect(() => {
    const element = dialog.current;
    // Modal: the focus stays in it, the page behind is inert, and the browser gives the focus back at the end.
    element?.showModal();
    return () => element?.close();
  }, []);

  function record(): void {
    if (!stream || type === null) return;
    const { maxBytes } = props;
    const maxMs = maxRecordingMs('video', maxBytes);
    setRecorder(createRecorder({ stream, type, bitsPerSecond: VIDEO_BITS_PER_SECOND, maxMs, maxBytes }));
  }

  function again(): void {
    setTaken(null);
    setRecorder(null);
  }

  function onCancel(event: Event): void {
    event.preventDefault();
    // Escape takes one step back: from what was taken to the camera, from the camera to the chat.
    if (taken || recorder) again();
    else onDone(null);
  }

  return (
    <dialog class="camera" ref={dialog} aria-label={words.label('camera')} onCancel={onCancel} dir={words.dir}>
      <header class="camera-header">
        <h2>{words.label('camera')}</h2>
        <IconButton icon="close" label={words.label('close')} onClick={() => onDone(null)} />
      </header>
      <div class="camera-stage">
        {taken && <TakenPreview taken={taken} />}
        {!taken && stream && <LivePicture stream={stream} label={words.label('camera')} />}
        {!taken && !stream && (
          <div class="camera-message">
            <p role={problem ? 'alert' : 'status'}>{words.label(problem ?? 'loading')}</p>
            {problem && (
              <button type="button" class="text-button" onClick={retry}>
                {words.label('tryAgain')}
              </button>
            )}
          </div>
        )}
      </div>
      <footer class="camera-footer">
        {taken ? (
          <>
            <button type="button" class="text-button" onClick={again}>
              {words.label('takeAgain')}
            </button>
            <button
              type="button"
              class="pick-button"
              ref={focused}
              onClick={() => onDone(recordingFile(words, taken.what, taken.blob, taken.blob.type))}
            >
              <Icon name="send" />
              {words.label('send')}
            </button>
          </>
        ) : recorder ? (
          <VideoRecording
            recorder={recorder}
            maxMs={maxRecordingMs('video', props.maxBytes)}
            onStopped={(blob) => (blob ? setTaken({ blob, what: 'video' }) : again())}
          />
        ) : (
          <>
            <ModeSwitch mode={mode} onChange={setMode} hasBoth={type !== null && photoType !== null} />
            <button
              type="button"
              class="shutter"
              data-mode={mode}
              disabled={!stream}
              ref={stream ? focused : null}
              aria-label={words.label(mode === 'photo' ? 'takePhoto' : 'recordVideo')}
              onClick={() => {
                if (mode === 'video') record();
                else if (stream && photoType !== null) {
                  void takePhoto(stream, photoType).then((blob) => blob && setTaken({ blob, what: 'photo' }));
                }
              }}
            />
            <span class="camera-side">
              {cameras.length > 1 && (
                <IconButton
                  icon="turn"
                  label={words.label('switchCamera')}
                  onClick={() => setCameraId(nextCamera(cameras, stream))}
                />
              )}
            </span>
          </>
        )}
      </footer>
    </dialog>
  );
}

function ModeSwitch(props: { mode: Mode; hasBoth: boolean; onChange: (mode: Mode) => void }) {
  const words = useWords();
  if (!props.hasBoth) return <span class="camera-side" />;
  return (
    <fieldset class="mode-switch" aria-label={words.label('camera')}>
      {(['photo', 'video'] as const).map((mode) => (
        <button key={mode} type="button" aria-pressed={props.mode === mode} onClick={() => props.onChange(mode)}>
          {words.label(mode)}
        </button>
      ))}
    </fieldset>
  );
}

function VideoRecording(props: { recorder: Recorder; maxMs: number; onStopped: (blob: Blob | null) => void }) {
  const { recorder, maxMs, onStopped } = props;
  const words = useWords();
  const { phase, recordedMs, result } = useObservable(recorder.state);
  // Told once, when it stops.
  useEffect(() => {
    if (phase === 'stopped') onStopped(result);
  }, [phase]);
  return (
    <>
      <RecordingTime recordedMs={recordedMs} maxMs={maxMs} phase={phase} />
      <button
        type="button"
        class="shutter"
        data-mode="stop"
        ref={focused}
        aria-label={words.label('stopRecording')}
        onClick={recorder.stop}
      />
      <span class="camera-side">
        {phase === 'paused' ? (
          <IconButton icon="play" label={words.label('resume')} onClick={recorder.resume} />
        ) : (
          <IconButton icon="pause" label={words.label('pause')} onClick={recorder.pause} />
        )}
      </span>
    </>
  );
}

function LivePicture({ stream, label }: { stream: MediaStream; label: string }) {
  const video = useRef<HTMLVideoElement>(null);
  // A camera that looks at the person is shown as a mirror; what is sent is not.
  const isMirror = stream.getVideoTracks()[0]?.getSettings().facingMode !== 'environment';
  useLayoutEffect(() => {
    if (video.current) video.current.srcObject = stream;
  }, [stream]);
  return <video class="camera-live" data-mirror={isMirror} ref={video} autoPlay muted playsInline aria-label={label} />;
}

function TakenPreview({ taken }: { taken: Taken }) {
  const words = useWords();
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const objectUrl = URL.createObjectURL(taken.blob);
    setUrl(objectUrl);
    return () => URL.revokeObjectURL(objectUrl);
  }, [taken]);
  if (url === null) return null;
  if (taken.what === 'photo') return <img class="camera-live" src={url} alt={words.label('photo')} />;
  return <video class="camera-live" src={url} controls playsInline aria-label={words.label('video')} />;
}

function nextCamera(cameras: MediaDeviceInfo[], stream: MediaStream | null): string | null {
  const current = stream?.getVideoTracks()[0]?.getSettings().deviceId;
  const at = cameras.findIndex(({ deviceId }) => deviceId === current);
  return cameras[(at + 1) % cameras.length]?.deviceId ?? null;
}
