/** One file of the viewer: a picture or a video fitted into the stage, a sound with its player, a card for the rest. */
import { useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { DownloadLink } from '../ui/download-link.tsx';
import { FileBadge } from '../ui/file-badge.tsx';
import { kindLabel, shownAs } from '../ui/file-kind.ts';
import { Audio } from '../ui/file-preview.tsx';
import type { FileSource } from '../ui/file-source.ts';
import { Placeholder } from '../ui/placeholder.tsx';
import { onlyThisPlays } from '../ui/playback.ts';
import { useMediaLink } from '../ui/use-media-link.ts';
import { useResumePlayback } from '../ui/use-resume-playback.ts';
import { useWords } from '../ui/use-words.tsx';
import { FITTED, fittedSize, type Size, type View } from './zoom.ts';

type Props = {
  source: FileSource;
  file: ChatFile;
  stage: Size;
  /** 0: the one that is looked at; the neighbours load already. */
  offset: number;
  /** CSS pixels that the finger has moved it. */
  drag: number;
  view: View;
  isMoving: boolean;
  size: Size | null;
  onSize: (fileId: number, size: Size) => void;
};

export function Slide(props: Props) {
  const { source, file, offset, drag, isMoving } = props;
  const link = useMediaLink(source, file, false);
  const isCurrent = offset === 0;
  return (
    <div
      class="slide"
      data-current={isCurrent}
      data-moving={isMoving}
      inert={!isCurrent}
      style={{ transform: `translateX(calc(${offset * 100}% + ${drag}px))` }}
    >
      <Content {...props} link={link} />
    </div>
  );
}

type Linked = Props & { link: ReturnType<typeof useMediaLink> };

function Content(props: Linked) {
  const shown = props.link.isBroken ? null : shownAs(props.file);
  if (shown === 'picture') return <Still {...props} />;
  if (shown === 'video') return <Film {...props} />;
  return <Card {...props} shown={shown} />;
}

/** What is listened to, and what is for another program. */
function Card({ source, file, link, offset, shown }: Linked & { shown: 'audio' | null }) {
  const words = useWords();
  return (
    <div class="slide-card">
      <FileBadge name={file.name} type={file.mime_type} />
      <p>{words.label(link.isBroken ? 'cannotShow' : kindLabel(file.mime_type))}</p>
      {shown === 'audio' && offset === 0 && <Audio file={file} link={link} />}
      {shown === null && <DownloadLink source={source} file={file} hasText />}
    </div>
  );
}

function Still({ file, stage, offset, view, isMoving, size, onSize, link }: Linked) {
  const [isShown, setIsShown] = useState(false);
  const fitted = size ? fittedSize(size, stage) : null;
  const { scale, x, y } = offset === 0 ? view : FITTED;
  return (
    <div
      class="slide-picture"
      data-moving={isMoving}
      style={{
        width: fitted ? `${fitted.width}px` : '100%',
        height: fitted ? `${fitted.height}px` : '100%',
        transform: scale === 1 ? 'none' : `translate(${x}px, ${y}px) scale(${scale})`,
      }}
    >
      {!isShown && fitted !== null && file.placeholder !== null && <Placeholder hash={file.placeholder} />}
      {!isShown && file.thumbnail !== null && <img class="slide-thumbnail" src={file.thumbnail} alt="" />}
      {!isShown && offset === 0 && <span class="slide-waiting" aria-hidden="true" />}
      <img
        key={link.attempt}
        class="slide-image"
        src={link.url}
        alt={file.name}
        decoding="async"
        referrerPolicy="no-referrer"
        draggable={false}
        data-shown={isShown}
        onLoad={({ currentTarget: image }) => {
          onSize(file.id, { width: image.naturalWidth, height: image.naturalHeight });
          setIsShown(true);
        }}
        onError={link.onError}
      />
    </div>
  );
}

function Film({ file, offset, link }: Linked) {
  const video = useRef<HTMLVideoElement>(null);
  useResumePlayback(video, link.attempt);
  // A neighbour shows its first picture only: two films that load are one too many.
  if (offset !== 0) return file.thumbnail === null ? null : <img class="slide-film" src={file.thumbnail} alt="" />;
  return (
    <video
      class="slide-film"
      ref={video}
      src={link.url}
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
