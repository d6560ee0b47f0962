/** Lets our own Preact pages write `<chat-files>`. Not part of the package: who imports that need not have Preact. */
import type { ChatFilesAttributes, ChatFilesElement } from './chat-files-element.tsx';

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-files': ChatFilesAttributes & ClassAttributes<ChatFilesElement>;
    }
  }
}
