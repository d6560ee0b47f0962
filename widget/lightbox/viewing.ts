/** What the viewer is opened with. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { FileSource } from '../ui/file-source.ts';

/** `from`: what gets the focus back. */
export type Viewing = { fileId: number; from: HTMLElement };

export type LightboxProps = {
  source: FileSource;
  /** In the order in which they are turned over. What is neither picture, video nor sound is shown as a card. */
  files: ChatFile[];
  viewing: Viewing;
  onClose: () => void;
  /** Where there are more than those of `files`: how many in all, and what is called when the end of them comes near. */
  more?: { count: number; load: () => void };
  /** Further buttons for the file that is looked at. */
  actions?: (file: ChatFile) => ComponentChildren;
};
