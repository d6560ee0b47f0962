/** `<chat-files>`: the whole widget in one custom element, in a shadow root so that no style leaks in or out. */
import { render } from '@uppy/core/utils/preact';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { type ChatFiles, createChatFiles } from '../core/chat-files.ts';
import type { ChatFilesError } from '../core/options.ts';
import type { Theme, ThemeName } from '../frame/frame-messages.ts';
import { ChatPane } from '../ui/chat-pane.tsx';
import { addFiles } from '../ui/use-adding.ts';
import { WordsProvider } from '../ui/use-words.tsx';
import type { Strings } from '../words/dictionary.ts';
import { followColorScheme } from './color-scheme.ts';
import { adoptStyles } from './styles.ts';

/** What identifies the chat: another value is another chat, everything else only changes the one that is there. */
const IDENTITY = ['api-base-url', 'company-id', 'session-id'];
const LOOKS = ['theme', 'locale', 'heading', 'subheading'];

/** `file-shared`: by either side. */
export type FileSharedEvent = CustomEvent<ChatFile>;
/** `chat-error`: an upload that was refused, or no access any more. */
export type ChatErrorEvent = CustomEvent<ChatFilesError>;

/** How others write it in JSX: the attributes, and the properties that take more than text. */
export type ChatFilesAttributes = {
  'api-base-url'?: string;
  'company-id'?: string;
  'session-id'?: string;
  locale?: string;
  heading?: string;
  subheading?: string;
  jwt?: string;
  getToken?: () => string | Promise<string>;
  theme?: Theme;
  strings?: Strings;
};

/** The one that a paste on the page is meant for: whichever was touched last. */
let touchedLast: ChatFilesElement | null = null;

/**
 * Attributes: `api-base-url` (by default where the page comes from), `company-id`, `session-id`, `jwt`, `locale`, `theme`, `heading`,
 * `subheading`. Properties: `jwt`, `getToken`, `theme`, `strings`. Events: `file-shared`, `chat-error`; they do not bubble.
 * Without `jwt` and `getToken` the `chatdrop` cookie counts.
 */
export class ChatFilesElement extends HTMLElement {
  static readonly observedAttributes = [...IDENTITY, ...LOOKS, 'jwt'];

  #chat: ChatFiles | null = null;
  #chatNumber = 0;
  #root: HTMLElement | null = null;
  #getToken: (() => string | Promise<string>) | undefined;
  #jwt: string | undefined;
  #theme: Theme = 'auto';
  #strings: Strings | undefined;
  #isDragOver = false;
  #isScheduled = false;
  #mustRestart = true;
  #stopColorScheme = () => {};

  get getToken(): (() => string | Promise<string>) | undefined {
    return this.#getToken;
  }
  set getToken(next) {
    // Another function is only another way to ask; the first one, or none any more, is another way to be let in.
    if (Boolean(this.#getToken) !== Boolean(next)) this.#schedule(true);
    this.#getToken = next;
  }

  get jwt(): string | undefined {
    return this.#jwt;
  }
  set jwt(next) {
    if (next === this.#jwt) return;
    const hadOne = this.#jwt !== undefined;
    this.#jwt = next;
    if (hadOne && next !== undefined) this.#chat?.setToken(next);
    else this.#schedule(true);
  }

  get theme(): Theme {
    return this.#theme;
  }
  set theme(next) {
    this.#theme = next;
    this.#schedule(false);
  }

  /** Sentences that replace those of the language, by the names of `words/en.ts`. */
  get strings(): Strings | undefined {
    return this.#strings;
  }
  set strings(next) {
    this.#strings = next;
    this.#schedule(false);
  }

  /** Null before it is on the page with a company and a session. */
  get chat(): ChatFiles | null {
    return this.#chat;
  }

  /** Starts uploading these files, as if they had been chosen. */
  addFiles(files: Iterable<File>): void {
    if (this.#chat) addFiles(this.#chat, [...files]);
  }

  /** Shows the place to drop, for a page that takes drops on its own and hands them over by `addFiles`. */
  set dragOver(next: boolean) {
    this.#isDragOver = next;
    this.#schedule(false);
  }

  connectedCallback(): void {
    // What a page set before this script was there lies over the accessors, which would never hear of it.
    for (const name of ['jwt', 'getToken', 'theme', 'strings'] as const) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      Object.assign(this, { [name]: value });
    }
    touchedLast ??= this;
    for (const type of ['pointerenter', 'pointerdown', 'focusin']) this.addEventListener(type, this.#onTouch);
    this.#schedule(this.#chat === null);
  }

  disconnectedCallback(): void {
    // A move within the page, and React's StrictMode, take it off and put it back at once: that must not stop uploads.
    setTimeout(() => {
      if (!this.isConnected) this.#stop();
    });
  }

  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    if (before === value) return;
    if (name === 'jwt') this.jwt = value ?? undefined;
    else if (name === 'theme') this.theme = (value ?? 'auto') as ThemeName;
    else this.#schedule(IDENTITY.includes(name));
  }

  readonly #onTouch = () => {
    touchedLast = this;
  };

  readonly #isPasteTarget = () => touchedLast === this || !touchedLast?.isConnected;

  /** In the next moment, so that attributes and properties that are set together count together. */
  #schedule(mustRestart: boolean): void {
    this.#mustRestart ||= mustRestart;
    if (this.#isScheduled || !this.isConnected) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.isConnected) this.#apply();
    });
  }

  #apply(): void {
    if (this.#mustRestart) this.#start();
    this.#render();
  }

  #start(): void {
    this.#mustRestart = false;
    this.#chat?.destroy();
    this.#chat = null;
    const companyId = this.getAttribute('company-id');
    const sessionId = this.getAttribute('session-id');
    if (!companyId || !sessionId) return;
    this.#chatNumber += 1;
    this.#chat = createChatFiles({
      apiBaseUrl: this.getAttribute('api-base-url') ?? undefined,
      companyId,
      sessionId,
      jwt: this.#jwt,
      getToken: this.#getToken && (() => this.#getToken?.() ?? ''),
      onFileShared: (file) => this.dispatchEvent(new CustomEvent('file-shared', { detail: file })),
      onError: (error) => this.dispatchEvent(new CustomEvent('chat-error', { detail: error })),
    });
  }

  #render(): void {
    const root = this.#openRoot();
    const { name = 'auto', ...properties } = typeof this.#theme === 'string' ? { name: this.#theme } : this.#theme;
    for (const [key, value] of Object.entries(properties)) {
      if (/^[a-z-]+$/.test(key)) root.style.setProperty(`--chatdrop-${key}`, value);
    }
    this.#stopColorScheme();
    this.#stopColorScheme = followColorScheme(name, (scheme) => {
      root.dataset.theme = scheme;
    });
    const chat = this.#chat;
    render(
      chat && (
        <WordsProvider locale={this.getAttribute('locale')} strings={this.#strings}>
          <ChatPane
            key={this.#chatNumber}
            chat={chat}
            title={this.getAttribute('heading') ?? undefined}
            subtitle={this.getAttribute('subheading') ?? undefined}
            isPasteTarget={this.#isPasteTarget}
            isDragOver={this.#isDragOver}
          />
        </WordsProvider>
      ),
      root,
    );
  }

  #openRoot(): HTMLElement {
    if (this.#root) return this.#root;
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: 'open', delegatesFocus: false });
    adoptStyles(shadow);
    this.#root = document.createElement('div');
    this.#root.className = 'chatdrop';
    shadow.append(this.#root);
    return this.#root;
  }

  #stop(): void {
    for (const type of ['pointerenter', 'pointerdown', 'focusin']) this.removeEventListener(type, this.#onTouch);
    if (touchedLast === this) touchedLast = null;
    this.#stopColorScheme();
    this.#chat?.destroy();
    this.#chat = null;
    this.#mustRestart = true;
    if (this.#root) render(null, this.#root);
  }
}

/** Once is enough, however many copies of this script the page has. */
export function defineChatFiles(): void {
  if (!customElements.get('chat-files')) customElements.define('chat-files', ChatFilesElement);
}

declare global {
  interface HTMLElementTagNameMap {
    'chat-files': ChatFilesElement;
  }
}
