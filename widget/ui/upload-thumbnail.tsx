/** What an upload looks like: the picture, a frame of the video, else its kind. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import { FileBadge } from './file-badge.tsx';

/** A larger picture takes longer to decode than it is worth for a thumbnail. */
const MAX_PICTURE_BYTES = 20 * 1024 * 1024;
const PICTURE = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
/** The very first frame is often black. Seconds. */
const FRAME_AT = 0.1;

export function UploadThumbnail({ file, name, type }: { file: File; name: string; type: string }) {
  const [url, setUrl] = useState<string | null>(null);
  const isPicture = PICTURE.test(file.type) && file.size <= MAX_PICTURE_BYTES;
  // Read piece by piece from the disk: cheap at any size.
  const isVideo = file.type.startsWith('video/');
  const isShown = isPicture || isVideo;
  useEffect(() => {
    setUrl(null);
    if (!isShown) return;
    const objectUrl = URL.createObjectURL(file);
    setUrl(objectUrl);
    return () => URL.revokeObjectURL(objectUrl);
  }, [file, isShown]);
  if (url === null) return <FileBadge name={name} type={type} />;
  const giveUp = () => setUrl(null);
  if (isPicture) return <img class="thumbnail" src={url} alt="" decoding="async" onError={giveUp} />;
  return (
    <span class="thumbnail" data-kind="video">
      <video
        src={`${url}#t=${FRAME_AT}`}
        muted
        playsInline
        preload="metadata"
        tabIndex={-1}
        aria-hidden="true"
        onError={giveUp}
      />
    </span>
  );
}
