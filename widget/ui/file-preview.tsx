/** A shared file shown in the chat itself: a picture, a video, or something to listen to. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { type OpenFile, Picture } from './picture.tsx';
import type { PictureBox } from './picture-box.ts';
import { onlyThisPlays } from './playback.ts';
import { useLazy } from './use-lazy.ts';
import type { MediaLink } from './use-media-link.ts';
import { useResumePlayback } from './use-resume-playback.ts';

const loadVoicePlayer = () => import('./voice-player.tsx');

/** `box`: for pictures and videos. */
export function FilePreview(props: {
  file: ChatFile;
  shown: 'picture' | 'video' | 'audio';
  link: MediaLink;
  box: PictureBox | null;
  onOpen: OpenFile;
}) {
  const { file, shown, link, box } = props;
  if (shown === 'audio') return <Audio file={file} link={link} />;
  if (box === null) return null;
  if (shown === 'video') return <Video file={file} link={link} box={box} />;
  return <Picture file={file} link={link} box={box} onOpen={props.onOpen} />;
}

/** The browser's own controls; the bytes come in ranges, as far as they are watched. */
function Video({ file, link, box }: { file: ChatFile; link: MediaLink; box: PictureBox }) {
  const video = useRef<HTMLVideoElement>(null);
  const isNear = useIsNear(video);
  useResumePlayback(video, link.attempt);
  return (
    <video
      class="video"
      ref={video}
      style={{ aspectRatio: String(box.ratio) }}
      src={isNear ? link.url : undefined}
      poster={file.thumbnail ?? undefined}
      controls
      playsInline
      preload="metadata"
      aria-label={file.name}
      onPlay={onlyThisPlays}
      onError={link.onError}
    />
  );
}

/** Our own player is a chunk; until it is here, or if it cannot be had, the browser's stands in its place. */
export function Audio({ file, link }: { file: ChatFile; link: MediaLink }) {
  const place = useRef<HTMLDivElement>(null);
  const isNear = useIsNear(place);
  const player = useLazy(loadVoicePlayer, isNear);
  return (
    <div class="voice" ref={place}>
      {player.module !== null && <player.module.VoicePlayer file={file} link={link} />}
      {player.hasFailed && (
        <audio
          key={link.attempt}
          src={link.url}
          controls
          preload="metadata"
          aria-label={file.name}
          onPlay={onlyThisPlays}
          onError={link.onError}
        />
      )}
    </div>
  );
}

/** How far from the visible part something begins to load. */
const NEAR = '600px';

/** Once true it stays so: what plays goes on when it is scrolled away. */
function useIsNear(element: { current: Element | null }): boolean {
  const [isNear, setIsNear] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (isNear || !target) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setIsNear(true);
      },
      { rootMargin: NEAR },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, [isNear]);
  return isNear;
}
