/** `<chat-files-dashboard>`: an agent's chats and files in one custom element, in a shadow root. */
import { render } from '@uppy/core/utils/preact';
import { defineChatFiles } from '../element/chat-files-element.tsx';
import { followColorScheme } from '../element/color-scheme.ts';
import { adoptStyles } from '../element/styles.ts';
import type { Theme, ThemeName } from '../frame/frame-messages.ts';
import { WordsProvider } from '../ui/use-words.tsx';
import type { Strings } from '../words/dictionary.ts';
import { type Company, createCompany } from './company.ts';
import { css } from './dashboard.css?text';
import { Dashboard } from './dashboard.tsx';
import { DashboardProvider } from './dashboard-context.tsx';
import { createPlaces, type Places } from './place.ts';

/** Another value is another company; everything else only changes the one that is there. */
const IDENTITY = ['api-base-url', 'company-id', 'use-hash'];
const LOOKS = ['theme', 'locale'];

/** `number`: another one is another dashboard, with nothing of the one before. */
type Parts = { number: number; company: Company; places: Places; apiBaseUrl: string };

/** How others write it in JSX: the attributes, and the properties that take more than text. */
export type ChatFilesDashboardAttributes = {
  'api-base-url'?: string;
  'company-id'?: string;
  'use-hash'?: boolean;
  locale?: string;
  jwt?: string;
  getToken?: () => string | Promise<string>;
  theme?: Theme;
  strings?: Strings;
  signIn?: () => void;
  signOut?: () => void;
};

/**
 * Attributes: `api-base-url` (by default where the page comes from), `company-id` (by default the token's; another one is
 * refused), `use-hash` (what is chosen stands in the page's address), `jwt`, `locale`, `theme`. Properties: `jwt`, `getToken`,
 * `theme`, `strings`, `signIn` and `signOut` (what those buttons do; without them there are none). Event: `access-change`,
 * with `ok`, `expired`, `refused` or `visitor`. Without `jwt` and `getToken` the `chatdrop` cookie counts.
 */
export class ChatFilesDashboardElement extends HTMLElement {
  static readonly observedAttributes = [...IDENTITY, ...LOOKS, 'jwt'];

  #parts: Parts | null = null;
  #partsMade = 0;
  #root: HTMLElement | null = null;
  #getToken: (() => string | Promise<string>) | undefined;
  #jwt: string | undefined;
  #theme: Theme = 'auto';
  #strings: Strings | undefined;
  #signIn: (() => void) | undefined;
  #signOut: (() => void) | undefined;
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
  /** A newer token of the same agent: what waits for one goes on. */
  set jwt(next) {
    if (next === this.#jwt) return;
    const hadOne = this.#jwt !== undefined;
    this.#jwt = next;
    if (hadOne && next !== undefined && this.#parts !== null) this.#parts.company.setToken(next);
    else this.#schedule(true);
  }

  get theme(): Theme {
    return this.#theme;
  }
  set theme(next) {
    this.#theme = next;
    this.#schedule(false);
  }

  get strings(): Strings | undefined {
    return this.#strings;
  }
  set strings(next) {
    this.#strings = next;
    this.#schedule(false);
  }

  get signIn(): (() => void) | undefined {
    return this.#signIn;
  }
  set signIn(next) {
    this.#signIn = next;
    this.#schedule(false);
  }

  get signOut(): (() => void) | undefined {
    return this.#signOut;
  }
  set signOut(next) {
    this.#signOut = next;
    this.#schedule(false);
  }

  /** The cookie may be good again: everything that waits is tried at once. */
  tryAgain(): void {
    this.#parts?.company.tryAgain();
  }

  connectedCallback(): void {
    this.#schedule(this.#parts === null);
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

  /** In the next moment, so that attributes and properties that are set together count together. */
  #schedule(mustRestart: boolean): void {
    this.#mustRestart ||= mustRestart;
    if (this.#isScheduled || !this.isConnected) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.isConnected) return;
      if (this.#mustRestart) this.#start();
      this.#render();
    });
  }

  #start(): void {
    this.#mustRestart = false;
    this.#end();
    const apiBaseUrl = (this.getAttribute('api-base-url') ?? location.origin).replace(/\/+$/, '');
    const companyId = this.getAttribute('company-id') ?? undefined;
    const company = createCompany({ apiBaseUrl, companyId, jwt: this.#jwt, getToken: this.#getToken });
    const places = createPlaces({ inAddress: this.hasAttribute('use-hash') });
    this.#partsMade += 1;
    this.#parts = { number: this.#partsMade, company, places, apiBaseUrl };
    let told = 'ok';
    company.state.subscribe(() => {
      const { access, problem } = company.state.get();
      const now = problem === 'visitor' ? problem : access;
      if (now === told) return;
      told = now;
      this.dispatchEvent(new CustomEvent('access-change', { detail: now }));
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
    const parts = this.#parts;
    render(
      parts && (
        <WordsProvider locale={this.getAttribute('locale')} strings={this.#strings}>
          <DashboardProvider key={parts.number} parts={{ ...parts, theme: name }}>
            <Dashboard signIn={this.#signIn} signOut={this.#signOut} />
          </DashboardProvider>
        </WordsProvider>
      ),
      root,
    );
  }

  #openRoot(): HTMLElement {
    if (this.#root) return this.#root;
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: 'open', delegatesFocus: false });
    adoptStyles(shadow);
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
    this.#root = document.createElement('div');
    this.#root.className = 'chatdrop';
    shadow.append(this.#root);
    return this.#root;
  }

  #end(): void {
    this.#parts?.company.destroy();
    this.#parts?.places.destroy();
    this.#parts = null;
  }

  #stop(): void {
    this.#stopColorScheme();
    if (this.#root) render(null, this.#root);
    this.#end();
    this.#mustRestart = true;
  }
}

/** A second call does nothing. */
export function defineChatFilesDashboard(): void {
  defineChatFiles();
  if (!customElements.get('chat-files-dashboard'))
    customElements.define('chat-files-dashboard', ChatFilesDashboardElement);
}

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-files-dashboard': ChatFilesDashboardAttributes & ClassAttributes<ChatFilesDashboardElement>;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'chat-files-dashboard': ChatFilesDashboardElement;
  }
}
