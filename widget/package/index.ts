/** `import {createChatFiles} from 'chatdrop'`: uploads, list and live feed without any user interface. */
export type { ChatConfig, ChatFile, Uploader } from '../../server/contract/chat-file.ts';
export { type ChatFiles, type ChatFilesState, createChatFiles } from '../core/chat-files.ts';
export type { IncomingUpload } from '../core/incoming.ts';
export type { ChatFilesError, ChatFilesOptions } from '../core/options.ts';
export type { ResumableUpload } from '../core/unfinished.ts';
export type { Upload, UploadStatus } from '../core/upload.ts';
