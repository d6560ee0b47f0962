/** What the host page and the iframe say to each other: two greetings over `postMessage`, all else over one port. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFilesError } from '../core/options.ts';

/** In each greeting, so that messages of other frames on the page are not taken for ours. */
export const GREETING = 'chatdrop-1';

/** Frame → host, first: says nothing but that it is there. */
export type Hello = { chatdrop: typeof GREETING };

export type ThemeName = 'light' | 'dark' | 'auto';

/** How it looks: a name, or custom properties without their prefix (`{accent: '#0a7'}` is `--chatdrop-accent`). */
export type Theme = ThemeName | ({ name?: ThemeName } & Record<string, string>);

/** Host → frame, the answer, with the port. No token: that goes through the port only. */
export type Welcome = {
  chatdrop: typeof GREETING;
  companyId: string;
  sessionId: string;
  /** Whether the page can be asked for another token. */
  canRenew: boolean;
  locale?: string;
  theme?: Theme;
  heading?: string;
  strings?: Record<string, unknown>;
  /** CSS pixels: it grows with what is in it up to here. Absent: it fills the frame. */
  maxHeight?: number;
};

export type FromFrame =
  | { type: 'need-token' }
  /** CSS pixels that the content takes. */
  | { type: 'resize'; height: number }
  | { type: 'ready'; title: string }
  | { type: 'file-shared'; file: ChatFile }
  | { type: 'error'; error: ChatFilesError };

export type FromHost =
  /** `token: null`: none can be had now. */
  | { type: 'token'; token: string | null }
  /** The page has a new token and hands it over unasked. */
  | { type: 'new-token'; token: string }
  /** Dropped or pasted on the host page. */
  | { type: 'files'; files: File[] }
  /** Files hover over the host page. */
  | { type: 'drag'; isOver: boolean }
  | { type: 'theme'; theme: Theme };
