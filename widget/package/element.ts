/** `import 'chatdrop/element'`, or `<script type="module" src="…/widget/chat-files.js">`: defines `<chat-files>`. In browsers only. */
import { defineChatFiles } from '../element/chat-files-element.tsx';

export type { ChatFilesError } from '../core/options.ts';
export type {
  ChatErrorEvent,
  ChatFilesAttributes,
  ChatFilesElement,
  FileSharedEvent,
} from '../element/chat-files-element.tsx';
export type { Theme } from '../frame/frame-messages.ts';

defineChatFiles();
