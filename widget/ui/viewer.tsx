/** Opens the lightbox, which is a chunk of its own, and says so in one sentence when it cannot be had. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Viewing } from '../lightbox/viewing.ts';
import { IconButton } from './icons.tsx';
import { useLazy } from './use-lazy.ts';
import { useWords } from './use-words.tsx';

const loadLightbox = () => import('../lightbox/lightbox.tsx');

export function Viewer(props: { chat: ChatFiles; files: ChatFile[]; viewing: Viewing | null; onClose: () => void }) {
  const { viewing } = props;
  const words = useWords();
  const { module, hasFailed, retry } = useLazy(loadLightbox, viewing !== null);
  if (viewing === null) return null;
  if (module !== null) {
    return (
      <module.Lightbox
        key={viewing.fileId}
        chat={props.chat}
        files={props.files}
        viewing={viewing}
        onClose={props.onClose}
      />
    );
  }
  if (!hasFailed) return null;
  return (
    <div class="notice" data-tone="danger" role="alert">
      <span>{words.label('problem-network')}</span>
      <button type="button" class="text-button" onClick={retry}>
        {words.label('tryAgain')}
      </button>
      <IconButton icon="close" label={words.label('closeMessage')} onClick={props.onClose} />
    </div>
  );
}
