/** A shared picture as a picture, video and audio with controls; nothing where the browser cannot show it. */
import { useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { useWords } from './use-words.tsx';

/** What browsers draw; HEIC and TIFF are files to download. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp|apng)$/;

/** Whether this file is worth trying to show. */
export function canPreview({ mime_type: type }: ChatFile): boolean {
  return (
    PICTURES.test(type) || (/^(video|audio)\//.test(type) && document.createElement('video').canPlayType(type) !== '')
  );
}

/** `onBroken` is called when it cannot be shown after all: a link that ended, or a codec that is missing. */
export function FilePreview({ file, onBroken }: { file: ChatFile; onBroken: () => void }) {
  const words = useWords();
  // Links are renewed now and then. A picture that is there must not load again, a video must not stop playing.
  const [url] = useState(file.url);
  if (file.mime_type.startsWith('video/')) {
    return (
      <video
        class="preview"
        src={url}
        controls
        playsInline
        preload="metadata"
        aria-label={file.name}
        onError={onBroken}
      />
    );
  }
  if (file.mime_type.startsWith('audio/')) {
    return <audio class="preview" src={url} controls preload="metadata" aria-label={file.name} onError={onBroken} />;
  }
  return (
    <a
      class="preview"
      href={file.url}
      target="_blank"
      rel="noopener noreferrer"
      aria-label={words.text('openInTab', { name: file.name })}
    >
      <img
        src={url}
        alt={file.name}
        loading="lazy"
        decoding="async"
        // Known sizes keep the place, so that nothing jumps while it loads.
        {...(file.width && file.height && { width: file.width, height: file.height })}
        onError={onBroken}
      />
    </a>
  );
}
