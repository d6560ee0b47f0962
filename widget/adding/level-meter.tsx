/** How loud it is, as bars that move: the sign that the microphone hears something. */
import { useEffect, useRef } from '@uppy/core/utils/preact/hooks';

const BARS = Array.from({ length: 28 }, (_, at) => `bar-${at}`);
/** Speech at arm's length fills the bars. */
const GAIN = 3.2;
const EVERY_MS = 70;

/** Decoration: the time beside it says that it records. `isOn: false` stands still. */
export function LevelMeter({ stream, isOn }: { stream: MediaStream; isOn: boolean }) {
  const bars = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOn || !bars.current) return;
    const children = [...bars.current.children] as HTMLElement[];
    const levels = BARS.map(() => 0);
    const read = listenTo(stream);
    const timer = setInterval(() => {
      levels.push(Math.min(1, read.level() * GAIN));
      levels.shift();
      children.forEach((bar, at) => {
        bar.style.transform = `scaleY(${Math.max(0.08, levels[at] ?? 0)})`;
      });
    }, EVERY_MS);
    return () => {
      clearInterval(timer);
      read.stop();
    };
  }, [stream, isOn]);
  return (
    <div class="level" ref={bars} aria-hidden="true">
      {BARS.map((id) => (
        <i key={id} />
      ))}
    </div>
  );
}

/** The root mean square of the last moment, 0 to 1; 0 where there is no Web Audio. */
function listenTo(stream: MediaStream): { level(): number; stop(): void } {
  if (typeof AudioContext === 'undefined' || stream.getAudioTracks().length === 0) return { level: () => 0, stop() {} };
  const context = new AudioContext();
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    level() {
      analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    },
    stop() {
      source.disconnect();
      void context.close();
    },
  };
}
