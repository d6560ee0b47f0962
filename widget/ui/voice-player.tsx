/** A small player for what is listened to: play, seek, time and speed. A chunk of its own. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { IconButton } from './icons.tsx';
import { onlyThisPlays } from './playback.ts';
import type { MediaLink } from './use-media-link.ts';
import { useResumePlayback } from './use-resume-playback.ts';
import { useWords } from './use-words.tsx';

const SPEEDS = [1, 1.5, 2] as const;
/** An arrow key moves this far, in seconds. */
const STEP_SECONDS = 1;
/** Further than any file: browsers then read its end, and learn how long it is. */
const BEYOND_SECONDS = 1e7;

export function VoicePlayer({ file, link }: { file: ChatFile; link: MediaLink }) {
  const words = useWords();
  const audio = useRef<HTMLAudioElement>(null);
  const [isPlaying, setIsPlaying] = useState(false);
  const [seconds, setSeconds] = useState(0);
  const [duration, setDuration] = useState<number | null>(null);
  const [speed, setSpeed] = useState<number>(SPEEDS[0]);
  const isMeasuring = useRef(false);
  useResumePlayback(audio, link.attempt);

  useEffect(() => {
    if (audio.current) audio.current.playbackRate = speed;
  }, [speed, link.attempt]);

  function onDuration({ currentTarget: player }: { currentTarget: HTMLAudioElement }): void {
    if (Number.isFinite(player.duration)) {
      setDuration(player.duration);
      if (isMeasuring.current) player.currentTime = 0;
      isMeasuring.current = false;
    } else if (!isMeasuring.current && player.duration === Number.POSITIVE_INFINITY) {
      // What a browser has recorded does not say how long it is.
      isMeasuring.current = true;
      player.currentTime = BEYOND_SECONDS;
    }
  }

  function toggle(): void {
    if (isPlaying) audio.current?.pause();
    else audio.current?.play().catch(() => {});
  }

  function seek(event: { currentTarget: HTMLInputElement }): void {
    const target = Number(event.currentTarget.value);
    if (audio.current) audio.current.currentTime = target;
    setSeconds(target);
  }

  const place = words.clock(seconds);
  const time = duration === null ? place : `${place} / ${words.clock(duration)}`;
  const next = SPEEDS[(SPEEDS.indexOf(speed as 1) + 1) % SPEEDS.length] ?? 1;
  return (
    <>
      {/* The name beside it is all that is known of what is said. */}
      <audio
        ref={audio}
        aria-label={file.name}
        src={link.url}
        preload="metadata"
        onPlay={(event) => {
          onlyThisPlays(event);
          setIsPlaying(true);
        }}
        onPause={() => setIsPlaying(false)}
        onTimeUpdate={({ currentTarget }) => !isMeasuring.current && setSeconds(currentTarget.currentTime)}
        onDurationChange={onDuration}
        onRateChange={({ currentTarget }) => setSpeed(currentTarget.playbackRate)}
        onError={link.onError}
      />
      <IconButton
        icon={isPlaying ? 'pause' : 'play'}
        label={words.label(isPlaying ? 'pause' : 'play')}
        onClick={toggle}
      />
      <input
        type="range"
        class="voice-position"
        min={0}
        max={duration ?? 0}
        step="any"
        value={Math.min(seconds, duration ?? 0)}
        disabled={duration === null}
        aria-label={words.label('playbackPosition')}
        aria-valuetext={time}
        onInput={seek}
        onKeyDown={(event) => stepByKey(event, duration ?? 0, seek)}
        style={{ '--played': `${duration ? (seconds / duration) * 100 : 0}%` }}
      />
      <span class="voice-time" aria-hidden="true">
        {/* One number: how long it is, and once it has begun, how far. */}
        {seconds > 0 || duration === null ? place : words.clock(duration)}
      </span>
      <button
        type="button"
        class="voice-speed"
        aria-label={words.text('playbackSpeed', { rate: `${words.number(speed)}×` })}
        onClick={() => setSpeed(next)}
      >
        {words.number(speed)}×
      </button>
    </>
  );
}

/** With `step="any"` browsers move by a hundredth of the whole: too little of a short note, too much of a long one. */
function stepByKey(
  event: KeyboardEvent & { currentTarget: HTMLInputElement },
  max: number,
  seek: (event: { currentTarget: HTMLInputElement }) => void,
): void {
  const input = event.currentTarget;
  const isForward = getComputedStyle(input).direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
  const steps: Record<string, number> = { ArrowUp: STEP_SECONDS, ArrowDown: -STEP_SECONDS, PageUp: 10, PageDown: -10 };
  const step = /^Arrow(Left|Right)$/.test(event.key)
    ? event.key === isForward
      ? STEP_SECONDS
      : -STEP_SECONDS
    : steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  input.value = String(Math.min(max, Math.max(0, Number(input.value) + step)));
  seek({ currentTarget: input });
}
