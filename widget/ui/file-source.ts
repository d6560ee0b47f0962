/** What everything that shows shared files needs of whoever has them: a chat, or the dashboard's list. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';

export type FileSource = Pick<ChatFiles, 'side' | 'canRemove' | 'remove' | 'renewLinks'> & {
  /** The newest links of each file. */
  state: { get(): { files: ChatFile[] } };
};
