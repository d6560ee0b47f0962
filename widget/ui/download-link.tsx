/** The link that saves a file, wherever the page around it comes from. */
import { useRef } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { FileSource } from './file-source.ts';
import { Icon } from './icons.tsx';
import { useWords } from './use-words.tsx';

/** Larger files are not gathered in the page first. Bytes. */
const MAX_GATHERED = 200 * 1024 * 1024;

/**
 * A signed link says itself whether it opens or saves, and only the server can make another. On the server's own pages
 * `download` saves either kind; on other sites it is ignored, so what would open is fetched first. `hasText`: a button
 * with the word, not only the icon.
 */
export function DownloadLink(props: { source: FileSource; file: ChatFile; hasText?: boolean }) {
  const { source, file, hasText = false } = props;
  const words = useWords();
  const isBusy = useRef(false);
  const isOwnPage = new URL(file.url, location.href).origin === location.origin;

  async function save(): Promise<void> {
    await source.renewLinks(file.id).catch(() => {});
    const { url } = source.state.get().files.find(({ id }) => id === file.id) ?? file;
    if (isOwnPage || savesByItself(url)) return follow(url);
    const blob = await fetch(url).then((answer) => (answer.ok ? answer.blob() : Promise.reject(answer.status)));
    const objectUrl = URL.createObjectURL(blob);
    follow(objectUrl);
    // The browser reads it in the background.
    setTimeout(() => URL.revokeObjectURL(objectUrl), 60_000);
  }

  function follow(url: string): void {
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = file.name;
    anchor.rel = 'noopener noreferrer';
    anchor.click();
  }

  function onClick(event: MouseEvent): void {
    const { url } = file;
    const mustGather = !isOwnPage && !savesByItself(url) && file.size <= MAX_GATHERED;
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(mustGather || hasEnded(url))) return;
    event.preventDefault();
    if (isBusy.current) return;
    isBusy.current = true;
    save()
      // In another tab it can be saved by hand; the page with its uploads stays.
      .catch(() => window.open(file.url, '_blank', 'noopener,noreferrer'))
      .finally(() => {
        isBusy.current = false;
      });
  }

  return (
    <a
      class={hasText ? 'text-button' : 'icon-button'}
      href={file.url}
      download={file.name}
      target={isOwnPage ? undefined : '_blank'}
      rel="noopener noreferrer"
      referrerPolicy="no-referrer"
      title={words.label('download')}
      aria-label={words.text('downloadFile', { name: file.name })}
      onClick={onClick}
    >
      <Icon name="download" />
      {hasText && words.label('download')}
    </a>
  );
}

function savesByItself(url: string): boolean {
  return new URL(url, location.href).searchParams.get('disposition') === 'attachment';
}

/** A laptop that slept holds links that have run out. */
function hasEnded(url: string): boolean {
  const expires = Number(new URL(url, location.href).searchParams.get('expires'));
  return expires > 0 && expires * 1000 < Date.now();
}
