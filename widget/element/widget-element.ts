/** What our custom elements share: token, looks and language, a shadow root, and a life that outlasts being moved. */
import { render, type VNode } from '@uppy/core/utils/preact';
import type { Theme, ThemeName } from '../frame/frame-messages.ts';
import type { Strings } from '../words/dictionary.ts';
import { followColorScheme } from './color-scheme.ts';
import { adoptStyles } from './styles.ts';

/**
 * Attributes `jwt`, `locale`, `theme`; properties `jwt`, `getToken`, `theme`, `strings`. Without `jwt` and `getToken` the
 * `chatdrop` cookie counts.
 */
export abstract class WidgetElement extends HTMLElement {
  #getToken: (() => string | Promise<string>) | undefined;
  #jwt: string | undefined;
  #theme: Theme = 'auto';
  #themed: string[] = [];
  #strings: Strings | undefined;
  #root: HTMLElement | null = null;
  #isScheduled = false;
  #mustRestart = true;
  #stopColorScheme = () => {};

  /** Whether another value of this attribute is another chat or company; all else only changes the one that is there. */
  protected abstract identifies(attribute: string): boolean;
  /** Begins anew with the attributes and properties as they are; what was there has ended. */
  protected abstract begin(): void;
  /** Ends what `begin` began; called also where nothing was. */
  protected abstract end(): void;
  /** A newer token for what is there. False: nothing is. */
  protected abstract renew(jwt: string): boolean;
  /** What to draw, for Preact; not in the package's types, whose readers need not have it. */
  protected abstract view(): unknown;

  get getToken(): (() => string | Promise<string>) | undefined {
    return this.#getToken;
  }
  set getToken(next) {
    // Another function is only another way to ask; the first one, or none any more, is another way to be let in.
    if (Boolean(this.#getToken) !== Boolean(next)) this.schedule(true);
    this.#getToken = next;
  }

  get jwt(): string | undefined {
    return this.#jwt;
  }
  /** A newer token of the same person: what waits for one goes on. */
  set jwt(next) {
    if (next === this.#jwt) return;
    const hadOne = this.#jwt !== undefined;
    this.#jwt = next;
    if (!hadOne || next === undefined || !this.renew(next)) this.schedule(true);
  }

  get theme(): Theme {
    return this.#theme;
  }
  set theme(next) {
    this.#theme = next;
    this.schedule(false);
  }

  /** Sentences that replace those of the language, by the names of `words/en.ts`. */
  get strings(): Strings | undefined {
    return this.#strings;
  }
  set strings(next) {
    this.#strings = next;
    this.schedule(false);
  }

  connectedCallback(): void {
    // What a page set before this script was there lies over the accessors, which would never hear of it.
    const prototype: object = Object.getPrototypeOf(this);
    for (const [name, value] of Object.entries(this)) {
      if (!(name in prototype)) continue;
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
    this.schedule(false);
  }

  disconnectedCallback(): void {
    // A move within the page, and React's StrictMode, take it off and put it back at once: that must not stop uploads.
    setTimeout(() => {
      if (!this.isConnected) this.stop();
    });
  }

  attributeChangedCallback(name: string, before: string | null, value: string | null): void {
    if (before === value) return;
    if (name === 'jwt') this.jwt = value ?? undefined;
    else if (name === 'theme') this.theme = (value ?? 'auto') as ThemeName;
    else this.schedule(this.identifies(name));
  }

  /** In the next moment, so that attributes and properties that are set together count together. */
  protected schedule(mustRestart: boolean): void {
    this.#mustRestart ||= mustRestart;
    if (this.#isScheduled || !this.isConnected) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.isConnected) return;
      if (this.#mustRestart) {
        this.#mustRestart = false;
        this.end();
        this.begin();
      }
      if (this.#root) this.#draw();
      // To draw for the first time keeps a phone busy for a fifth of a second: what was begun is asked for before, and on its way meanwhile.
      else inNextTask(() => this.isConnected && this.#draw());
    });
  }

  /** Off the page for good. */
  protected stop(): void {
    this.#stopColorScheme();
    this.#mustRestart = true;
    if (this.#root) render(null, this.#root);
    this.end();
  }

  /** Which sheets stand in the shadow root. */
  protected adopt(shadow: ShadowRoot): void {
    adoptStyles(shadow);
  }

  protected get themeName(): ThemeName {
    return typeof this.#theme === 'string' ? this.#theme : (this.#theme.name ?? 'auto');
  }

  #draw(): void {
    this.#root ??= this.#openRoot();
    const root = this.#root;
    for (const property of this.#themed) root.style.removeProperty(property);
    this.#themed = [];
    for (const [key, value] of Object.entries(typeof this.#theme === 'string' ? {} : this.#theme)) {
      if (key === 'name' || !/^[a-z-]+$/.test(key)) continue;
      root.style.setProperty(`--chatdrop-${key}`, value);
      this.#themed.push(`--chatdrop-${key}`);
    }
    this.#stopColorScheme();
    this.#stopColorScheme = followColorScheme(this.themeName, (scheme) => {
      root.dataset.theme = scheme;
    });
    render(this.view() as VNode | null, root);
  }

  #openRoot(): HTMLElement {
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: 'open', delegatesFocus: false });
    this.adopt(shadow);
    const root = document.createElement('div');
    root.className = 'chatdrop';
    shadow.append(root);
    return root;
  }
}

/** Before the page is painted, where it can be: a timer comes after that, and a hidden page has no frames. */
function inNextTask(work: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    work();
  };
  port2.postMessage(null);
}
