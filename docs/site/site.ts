/** What a page of the site does by script: search, colours, the menu of a phone, copying. Without it everything can be read. */
import MiniSearch from 'minisearch';
import { SEARCH_OPTIONS } from './search-options.ts';
import { THEME_KEY } from './theme.ts';

const MAX_RESULTS = 12;
const COPIED_MS = 1500;
const root = document.documentElement;
const up = document.body.dataset.up ?? '';

setUpMenu();
setUpTheme();
setUpCopying();
setUpSearch();

function setUpMenu(): void {
  const button = document.querySelector<HTMLButtonElement>('button.menu');
  button?.addEventListener('click', () => {
    const isOpen = document.body.classList.toggle('menu-open');
    button.setAttribute('aria-expanded', String(isOpen));
  });
  document.querySelector('#navigation [aria-current]')?.scrollIntoView({ block: 'nearest' });
}

function setUpTheme(): void {
  const button = document.querySelector<HTMLButtonElement>('button.theme');
  if (button === null) return;
  button.hidden = false;
  const isDark = () =>
    (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try {
      localStorage.setItem(THEME_KEY, root.dataset.theme);
    } catch {
      // It holds for this page then.
    }
  });
}

function setUpCopying(): void {
  for (const block of document.querySelectorAll<HTMLPreElement>('pre')) {
    const language = block.querySelector('code')?.className ?? '';
    if (language === '' || language === 'language-text') continue;
    const button = Object.assign(document.createElement('button'), {
      type: 'button',
      className: 'button copy',
      textContent: 'Copy',
    });
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(block.querySelector('code')?.textContent ?? '');
      button.textContent = 'Copied';
      setTimeout(() => {
        button.textContent = 'Copy';
      }, COPIED_MS);
    });
    const holder = Object.assign(document.createElement('div'), { className: 'code' });
    block.replaceWith(holder);
    holder.append(block, button);
  }
}

function setUpSearch(): void {
  const opener = document.querySelector<HTMLButtonElement>('button.search');
  if (opener === null) return;
  opener.hidden = false;
  const dialog = document.createElement('dialog');
  dialog.className = 'finder';
  dialog.setAttribute('aria-label', 'Search');
  const field = Object.assign(document.createElement('input'), {
    type: 'search',
    placeholder: 'Search the documentation',
  });
  field.setAttribute('aria-label', 'Search the documentation');
  const status = Object.assign(document.createElement('p'), { className: 'status' });
  status.setAttribute('role', 'status');
  const list = document.createElement('ul');
  dialog.append(field, status, list);
  document.body.append(dialog);
  let index: Promise<MiniSearch> | undefined;
  const open = () => {
    index ??= loadIndex();
    dialog.showModal();
    field.select();
  };
  opener.addEventListener('click', open);
  addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
    if ((event.key === '/' && !isTyping) || (event.key === 'k' && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      open();
    }
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog || (event.target as Element).closest('a')) dialog.close();
  });
  dialog.addEventListener('keydown', (event) => {
    const links = [...list.querySelectorAll('a')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Enter' && event.target === field) links[0]?.click();
    if (step === undefined) return;
    event.preventDefault();
    const next = links.indexOf(document.activeElement as HTMLAnchorElement) + step;
    (links[next] ?? field).focus();
  });
  field.addEventListener('input', async () => {
    const words = field.value.trim();
    const found = words === '' || index === undefined ? [] : (await index).search(words).slice(0, MAX_RESULTS);
    status.textContent = words === '' ? '' : found.length === 0 ? `Nothing about “${words}”.` : '';
    list.replaceChildren(...found.map(resultItem));
  });
}

async function loadIndex(): Promise<MiniSearch> {
  const answer = await fetch(`${up}search.json`);
  return MiniSearch.loadJSON(await answer.text(), SEARCH_OPTIONS);
}

function resultItem({ id, title, page }: { id: unknown } & Record<string, unknown>): HTMLLIElement {
  const item = document.createElement('li');
  const link = Object.assign(document.createElement('a'), { href: up + String(id) });
  link.append(Object.assign(document.createElement('strong'), { textContent: String(title) }));
  if (page !== title) link.append(Object.assign(document.createElement('small'), { textContent: String(page) }));
  item.append(link);
  return item;
}
