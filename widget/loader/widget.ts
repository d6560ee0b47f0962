/** `widget.js`, the script tag: the original API's `ChatbotFileUpload`, which keeps everything in an iframe of the server's. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFilesError } from '../core/options.ts';
import type { FromFrame, FromHost, Theme, Welcome } from '../frame/frame-messages.ts';
import { GREETING } from '../frame/frame-messages.ts';
import { forwardFiles } from './forward-files.ts';

export type ChatbotFileUploadOptions = {
  companyId: string;
  sessionId: string;
  /** Where Chatdrop runs; by default where this script came from. */
  apiBaseUrl?: string;
  /** The visitor's or agent's token; with `getToken` only the first one. */
  jwt?: string;
  /** Asked whenever a token is needed and none is good any more, also in the middle of an upload. */
  getToken?: () => string | Promise<string>;
  /** Where it appears: an element or a selector; by default where the calling script stands. */
  target?: Element | string;
  /** Pixels up to which it grows with its content (560), or `'fill'` for the target's own height. */
  height?: number | 'fill';
  locale?: string;
  theme?: Theme;
  /** The title over the files. */
  heading?: string;
  /** Sentences of your own, by the names of `widget/words/en.ts`. */
  strings?: Record<string, unknown>;
  /** Takes drops and pastes on the whole page to the widget (true). */
  wholePage?: boolean;
  onFileShared?: (file: ChatFile) => void;
  onError?: (error: ChatFilesError) => void;
};

const MAX_HEIGHT_PX = 560;
const FIRST_HEIGHT_PX = 220;
const HELLO_TIMEOUT_MS = 20_000;
const PERMISSIONS = 'camera;microphone;screen-wake-lock;clipboard-read;clipboard-write;fullscreen';

const ownScript = document.currentScript as HTMLScriptElement | null;

export class ChatbotFileUpload {
  /** The iframe, for styles and places of your own. */
  readonly element: HTMLIFrameElement;
  /** Starts uploading these files, as if they had been chosen. */
  readonly addFiles: (files: Iterable<File>) => void;
  /** Hands over a new token before the old one ends; what waits for one goes on. */
  readonly setToken: (jwt: string) => void;
  readonly setTheme: (theme: Theme) => void;
  /** Takes it off the page and leaves nothing behind. Unfinished uploads stay on the server and can go on later. */
  readonly destroy: () => void;

  constructor(options: ChatbotFileUploadOptions) {
    const { companyId, sessionId, height = MAX_HEIGHT_PX, getToken, onFileShared, onError } = options;
    if (!companyId || !sessionId) throw new TypeError('ChatbotFileUpload needs companyId and sessionId.');
    const base = (options.apiBaseUrl ?? ownScript?.src.replace(/\/widget\.js.*$/, '') ?? '').replace(/\/+$/, '');
    const { origin } = new URL(base, location.href);
    let { jwt, theme } = options;
    let port: MessagePort | undefined;
    const early: FromHost[] = [];

    const frame = document.createElement('iframe');
    frame.title = options.heading ?? 'Files';
    frame.allow = PERMISSIONS;
    frame.style.cssText = `display:block;width:100%;border:0;color-scheme:normal;height:${height === 'fill' ? '100%' : `${FIRST_HEIGHT_PX}px`}`;
    frame.src = `${base}/embed/?company_id=${encodeURIComponent(companyId)}`;
    this.element = frame;

    const say = (message: FromHost) => {
      if (port) port.postMessage(message);
      else if (message.type === 'files') early.push(message);
    };
    const giveToken = async () => {
      let token = jwt ?? null;
      // The one that was handed over serves once: who asks again holds one that has ended.
      if (getToken) jwt = undefined;
      try {
        if (getToken) token ??= await getToken();
      } catch {}
      say({ type: 'token', token });
    };
    const hear = ({ data }: MessageEvent<FromFrame>) => {
      if (data.type === 'need-token') void giveToken();
      else if (data.type === 'resize' && height !== 'fill') frame.style.height = `${data.height}px`;
      else if (data.type === 'ready') frame.title = data.title;
      else if (data.type === 'file-shared') onFileShared?.(data.file);
      else if (data.type === 'error') onError?.(data.error);
    };
    const onMessage = (event: MessageEvent) => {
      // Both, since any frame may send anything: our frame's window, while it shows our server's page.
      if (event.source !== frame.contentWindow || event.origin !== origin || event.data?.chatdrop !== GREETING) return;
      clearTimeout(timer);
      port?.close();
      const channel = new MessageChannel();
      port = channel.port1;
      port.onmessage = hear;
      const welcome: Welcome = {
        chatdrop: GREETING,
        companyId,
        sessionId,
        canRenew: Boolean(getToken),
        locale: options.locale,
        theme,
        heading: options.heading,
        strings: options.strings,
        maxHeight: height === 'fill' ? undefined : height,
      };
      frame.contentWindow?.postMessage(welcome, origin, [channel.port2]);
      for (const message of early.splice(0)) say(message);
    };
    // First of all: a target that is none leaves nothing behind.
    const withdraw = place(frame, options.target);
    const timer = setTimeout(
      () =>
        onError?.({
          code: 'unreachable',
          detail: `${origin} does not answer, or ALLOWED_ORIGINS there lacks ${location.origin}.`,
        }),
      HELLO_TIMEOUT_MS,
    );
    addEventListener('message', onMessage);
    const stopForwarding = options.wholePage === false ? () => {} : forwardFiles(say);

    this.addFiles = (files) => say({ type: 'files', files: [...files] });
    this.setToken = (token) => {
      jwt = token;
      say({ type: 'new-token', token });
    };
    this.setTheme = (next) => {
      theme = next;
      say({ type: 'theme', theme: next });
    };
    this.destroy = () => {
      clearTimeout(timer);
      removeEventListener('message', onMessage);
      stopForwarding();
      withdraw();
      port?.close();
      port = undefined;
    };
  }
}

/** Puts the frame on the page, now or as soon as the page has its place; the answer takes it away. */
function place(frame: HTMLIFrameElement, target: Element | string | undefined): () => void {
  const script = document.currentScript;
  const put = () => {
    const element = typeof target === 'string' ? document.querySelector(target) : target;
    if (element) element.append(frame);
    else if (target) throw new TypeError(`ChatbotFileUpload: nothing on the page matches ${target}.`);
    else if (script && document.body?.contains(script)) script.after(frame);
    else document.body.append(frame);
  };
  const isThere = typeof target === 'string' ? document.querySelector(target) : target || document.body;
  // A script in the head runs before there is a body.
  if (isThere || document.readyState !== 'loading') put();
  else document.addEventListener('DOMContentLoaded', put);
  return () => {
    document.removeEventListener('DOMContentLoaded', put);
    frame.remove();
  };
}

Object.assign(window, { ChatbotFileUpload });
