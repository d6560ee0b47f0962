/** Opens the lightbox, which is a chunk of its own. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Viewing } from '../lightbox/viewing.ts';
import { LazyPart } from './lazy-part.tsx';

const loadLightbox = () => import('../lightbox/lightbox.tsx').then(({ Lightbox }) => Lightbox);

export function Viewer(props: { chat: ChatFiles; files: ChatFile[]; viewing: Viewing | null; onClose: () => void }) {
  const { chat, files, viewing, onClose } = props;
  if (viewing === null) return null;
  return (
    <LazyPart key={viewing.fileId} load={loadLightbox} use={{ chat, files, viewing, onClose }} onClose={onClose} />
  );
}
