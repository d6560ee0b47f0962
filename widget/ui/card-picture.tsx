/** What stands before the name of a file that is shown as a card: a small picture of it where there is one, else its kind. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { FileBadge } from './file-badge.tsx';
import { kindOf } from './file-kind.ts';

export function CardPicture({ file: { name, mime_type: type, thumbnail } }: { file: ChatFile }) {
  const [isBroken, setIsBroken] = useState(false);
  // A new link is a new chance.
  useEffect(() => setIsBroken(false), [thumbnail]);
  if (thumbnail === null || isBroken) return <FileBadge name={name} type={type} />;
  return (
    <img
      class="thumbnail"
      data-of={kindOf(type)}
      src={thumbnail}
      alt=""
      loading="lazy"
      decoding="async"
      referrerPolicy="no-referrer"
      onError={() => setIsBroken(true)}
    />
  );
}
