/** The files of a chat, or of the company: filters, and what they leave as a list or a gallery. */
import { useCallback, useEffect, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import { errorText } from '../words/problem-words.ts';
import { useParts } from './dashboard-context.tsx';
import type { FileBrowser } from './file-browser.ts';
import { FileFilters, type Looks } from './file-filters.tsx';
import { FileRow, FileTile } from './file-item.tsx';
import { useEndReached } from './use-end-reached.ts';

/** `sessionId` null: all files of the company. */
export function FileView({ sessionId }: { sessionId: string | null }) {
  const { company } = useParts();
  const [browser, setBrowser] = useState<FileBrowser | null>(null);
  useEffect(() => {
    const opened = company.openFiles(sessionId);
    setBrowser(opened);
    return () => company.closeFiles(opened);
  }, [company, sessionId]);
  return browser && <Files browser={browser} />;
}

function Files({ browser }: { browser: FileBrowser }) {
  const words = useWords();
  const state = useObservable(browser.state);
  const [looks, setLooks] = useState<Looks>('list');
  const { files, filter, isLoading, hasMore, error } = state;
  const loadMore = useCallback(() => void browser.loadMore(), [browser]);
  const end = useEndReached(loadMore, hasMore && !isLoading && error === null);
  const isFiltered = filter.kind !== undefined || filter.uploader !== undefined || !!filter.q?.trim();
  const Item = looks === 'list' ? FileRow : FileTile;
  return (
    <div class="file-view">
      <FileFilters browser={browser} state={state} looks={looks} onLooks={setLooks} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus the keyboard cannot scroll it */}
      <section class="file-scroller" tabIndex={0} aria-label={words.label('sharedFiles')} aria-busy={isLoading}>
        <ul class={looks === 'list' ? 'file-list' : 'file-gallery'}>
          {files.map((file) => (
            <Item key={file.id} file={file} browser={browser} />
          ))}
        </ul>
        {files.length === 0 && !isLoading && error === null && (
          <div class="empty">
            <span class="empty-icon">
              <Icon name={isFiltered ? 'search' : 'folder'} />
            </span>
            <p>{words.label(isFiltered ? 'noResults' : 'noFiles')}</p>
          </div>
        )}
        {error !== null && (
          <div class="list-note" role="alert">
            {errorText(words, error as Error)}
            <button type="button" class="text-button" onClick={() => void browser.reload()}>
              {words.label('tryAgain')}
            </button>
          </div>
        )}
        {isLoading && <p class="list-note">{words.label('loading')}</p>}
        <div ref={end} />
      </section>
    </div>
  );
}
