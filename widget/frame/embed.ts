/** The iframe page's script: greets the host page, checks who it is, and lets `<chat-files>` live on what it says. */
import {
  type ChatErrorEvent,
  type ChatFilesElement,
  defineChatFiles,
  type FileSharedEvent,
} from '../element/chat-files-element.tsx';
import type { Strings } from '../words/dictionary.ts';
import { loadWords } from '../words/load-words.ts';
import { isAllowedHost } from './allowed-hosts.ts';
import { type FromFrame, type FromHost, GREETING, type Hello, type Welcome } from './frame-messages.ts';
import { createHostTokens } from './host-tokens.ts';

const hello: Hello = { chatdrop: GREETING };
const companyId = new URLSearchParams(location.search).get('company_id');

function onGreeting(event: MessageEvent<Welcome>): void {
  const [port] = event.ports;
  if (event.source !== parent || !port || event.data?.chatdrop !== GREETING) return;
  // A hostile page controls what it says of itself, not what the browser says of it.
  if (!isAllowedHost(event.origin) || event.data.companyId !== companyId) {
    port.close();
    return;
  }
  removeEventListener('message', onGreeting);
  start(event.data, port);
}

function start(welcome: Welcome, port: MessagePort): void {
  const say = (message: FromFrame) => port.postMessage(message);
  const tokens = createHostTokens(() => say({ type: 'need-token' }));
  const element = document.createElement('chat-files') as ChatFilesElement;
  const takeToken = (token: string) => {
    if (welcome.canRenew) element.chat?.setToken(token);
    else element.jwt = token;
  };
  const { sessionId, locale, heading, theme, maxHeight } = welcome;
  // `createWords` leaves out what is no sentence.
  const strings = welcome.strings as Strings | undefined;
  element.setAttribute('company-id', welcome.companyId);
  element.setAttribute('session-id', sessionId);
  if (locale) element.setAttribute('locale', locale);
  if (heading) element.setAttribute('heading', heading);
  if (theme) element.theme = theme;
  element.strings = strings;
  element.addEventListener('file-shared', (event) =>
    say({ type: 'file-shared', file: (event as FileSharedEvent).detail }),
  );
  element.addEventListener('chat-error', (event) => say({ type: 'error', error: (event as ChatErrorEvent).detail }));
  if (maxHeight) growWithContent(element, maxHeight, (height) => say({ type: 'resize', height }));
  port.onmessage = ({ data }: MessageEvent<FromHost>) => {
    if (data.type === 'token') tokens.receive(data.token);
    else if (data.type === 'new-token') takeToken(data.token);
    else if (data.type === 'files') element.addFiles(data.files);
    else if (data.type === 'drag') element.dragOver = data.isOver;
    else if (data.type === 'theme') element.theme = data.theme;
  };
  const show = () => document.body.append(element);
  if (welcome.canRenew) {
    element.getToken = tokens.get;
    show();
  }
  // Without a function to ask there is this one token, and perhaps `setToken` later. Without any, the cookie.
  else
    void tokens
      .get()
      .then(takeToken, () => {})
      .then(show);
  void loadWords({ locale, strings }).then((words) => say({ type: 'ready', title: heading ?? words.label('files') }));
}

/** The element is measured, not the document: a document is never smaller than its frame. */
function growWithContent(element: HTMLElement, maxHeight: number, tell: (height: number) => void): void {
  element.style.height = 'auto';
  element.style.maxHeight = `${maxHeight}px`;
  new ResizeObserver(() => tell(Math.ceil(element.getBoundingClientRect().height))).observe(element);
}

defineChatFiles();
if (window === parent) document.body.textContent = 'This page belongs into a chat: see widget.js.';
else {
  addEventListener('message', onGreeting);
  // To whoever is there: it says nothing, and the answer is checked.
  parent.postMessage(hello, '*');
}
