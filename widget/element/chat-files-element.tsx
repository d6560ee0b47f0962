/** `<chat-files>`: the whole widget in one custom element, in a shadow root so that no style leaks in or out. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { type ChatFiles, createChatFiles } from '../core/chat-files.ts';
import { prepareToConnect } from '../core/feed-socket.ts';
import type { ChatFilesError } from '../core/options.ts';
import type { Theme } from '../frame/frame-messages.ts';
import { ChatPane } from '../ui/chat-pane.tsx';
import { addFiles } from '../ui/use-adding.ts';
import { WordsProvider } from '../ui/use-words.tsx';
import type { Strings } from '../words/dictionary.ts';
import { WidgetElement } from './widget-element.ts';

/** What identifies the chat: another value is another chat, everything else only changes the one that is there. */
const IDENTITY = ['api-base-url', 'company-id', 'session-id'];
const LOOKS = ['theme', 'locale', 'heading', 'subheading'];
const TOUCHES = ['pointerenter', 'pointerdown', 'focusin'];

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
export class ChatFilesElement extends WidgetElement {
  static readonly observedAttributes = [...IDENTITY, ...LOOKS, 'jwt'];

  #chat: ChatFiles | null = null;
  #chatNumber = 0;
  #isDragOver = false;

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
    this.schedule(false);
  }

  override connectedCallback(): void {
    touchedLast ??= this;
    for (const type of TOUCHES) this.addEventListener(type, this.#onTouch);
    super.connectedCallback();
  }

  readonly #onTouch = () => {
    touchedLast = this;
  };

  readonly #isPasteTarget = () => touchedLast === this || !touchedLast?.isConnected;

  protected identifies(attribute: string): boolean {
    return IDENTITY.includes(attribute);
  }

  protected begin(): void {
    const companyId = this.getAttribute('company-id');
    const sessionId = this.getAttribute('session-id');
    if (!companyId || !sessionId) return;
    this.#chatNumber += 1;
    this.#chat = createChatFiles({
      apiBaseUrl: this.getAttribute('api-base-url') ?? undefined,
      companyId,
      sessionId,
      jwt: this.jwt,
      getToken: this.getToken && (() => this.getToken?.() ?? ''),
      onFileShared: (file) => this.dispatchEvent(new CustomEvent('file-shared', { detail: file })),
      onError: (error) => this.dispatchEvent(new CustomEvent('chat-error', { detail: error })),
    });
  }

  protected end(): void {
    this.#chat?.destroy();
    this.#chat = null;
  }

  protected renew(jwt: string): boolean {
    this.#chat?.setToken(jwt);
    return this.#chat !== null;
  }

  protected view(): unknown {
    return (
      this.#chat && (
        <WordsProvider locale={this.getAttribute('locale')} strings={this.strings}>
          <ChatPane
            key={this.#chatNumber}
            chat={this.#chat}
            title={this.getAttribute('heading') ?? undefined}
            subtitle={this.getAttribute('subheading') ?? undefined}
            isPasteTarget={this.#isPasteTarget}
            isDragOver={this.#isDragOver}
          />
        </WordsProvider>
      )
    );
  }

  protected override stop(): void {
    for (const type of TOUCHES) this.removeEventListener(type, this.#onTouch);
    if (touchedLast === this) touchedLast = null;
    super.stop();
  }
}

/** Once is enough, however many copies of this script the page has. */
export function defineChatFiles(): void {
  if (customElements.get('chat-files')) return;
  // Before the elements that wait for this begin, and draw: else the connection would be opened after that.
  prepareToConnect();
  customElements.define('chat-files', ChatFilesElement);
}

declare global {
  interface HTMLElementTagNameMap {
    'chat-files': ChatFilesElement;
  }
}
