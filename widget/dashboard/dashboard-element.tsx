/** `<chat-files-dashboard>`: an agent's chats and files in one custom element, in a shadow root. */
import { defineChatFiles } from '../element/chat-files-element.tsx';
import { WidgetElement } from '../element/widget-element.ts';
import type { Theme } from '../frame/frame-messages.ts';
import { addStyles } from '../ui/add-styles.ts';
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

/** Whether the agent is let in; told when it changes. */
export type AccessChangeEvent = CustomEvent<'ok' | 'expired' | 'refused' | 'visitor'>;

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
export class ChatFilesDashboardElement extends WidgetElement {
  static readonly observedAttributes = [...IDENTITY, ...LOOKS, 'jwt'];

  #parts: Parts | null = null;
  #partsMade = 0;
  #signIn: (() => void) | undefined;
  #signOut: (() => void) | undefined;

  get signIn(): (() => void) | undefined {
    return this.#signIn;
  }
  set signIn(next) {
    this.#signIn = next;
    this.schedule(false);
  }

  get signOut(): (() => void) | undefined {
    return this.#signOut;
  }
  set signOut(next) {
    this.#signOut = next;
    this.schedule(false);
  }

  /** The cookie may be good again: everything that waits is tried at once. */
  tryAgain(): void {
    this.#parts?.company.tryAgain();
  }

  protected identifies(attribute: string): boolean {
    return IDENTITY.includes(attribute);
  }

  protected begin(): void {
    const apiBaseUrl = (this.getAttribute('api-base-url') ?? location.origin).replace(/\/+$/, '');
    const companyId = this.getAttribute('company-id') ?? undefined;
    const getToken = this.getToken && (() => this.getToken?.() ?? '');
    const company = createCompany({ apiBaseUrl, companyId, jwt: this.jwt, getToken });
    const places = createPlaces({ inAddress: this.hasAttribute('use-hash') });
    this.#partsMade += 1;
    this.#parts = { number: this.#partsMade, company, places, apiBaseUrl };
    let told: AccessChangeEvent['detail'] = 'ok';
    company.state.subscribe(() => {
      const { access, problem } = company.state.get();
      const now = problem === 'visitor' ? problem : access;
      if (now === told) return;
      told = now;
      this.dispatchEvent(new CustomEvent('access-change', { detail: now }));
    });
  }

  protected end(): void {
    this.#parts?.company.destroy();
    this.#parts?.places.destroy();
    this.#parts = null;
  }

  protected renew(jwt: string): boolean {
    this.#parts?.company.setToken(jwt);
    return this.#parts !== null;
  }

  protected view(): unknown {
    const parts = this.#parts;
    return (
      parts && (
        <WordsProvider locale={this.getAttribute('locale')} strings={this.strings}>
          <DashboardProvider key={parts.number} parts={{ ...parts, theme: this.themeName }}>
            <Dashboard signIn={this.#signIn} signOut={this.#signOut} />
          </DashboardProvider>
        </WordsProvider>
      )
    );
  }

  protected override adopt(shadow: ShadowRoot): void {
    super.adopt(shadow);
    addStyles(shadow, css);
  }
}

/** A second call does nothing. */
export function defineChatFilesDashboard(): void {
  defineChatFiles();
  if (!customElements.get('chat-files-dashboard'))
    customElements.define('chat-files-dashboard', ChatFilesDashboardElement);
}

declare global {
  interface HTMLElementTagNameMap {
    'chat-files-dashboard': ChatFilesDashboardElement;
  }
}
