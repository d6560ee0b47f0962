/** The files of a chat, or of the company: filters, and what they leave as a list or a gallery. */
import { useCallback, useEffect, useMemo, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { Viewing } from '../lightbox/viewing.ts';
import { Icon } from '../ui/icons.tsx';
import { useListFocus } from '../ui/use-list-focus.ts';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import { Viewer } from '../ui/viewer.tsx';
import { errorText } from '../words/problem-words.ts';
import { useParts } from './dashboard-context.tsx';
import type { FileBrowser } from './file-browser.ts';
import { FileFilters, type Looks } from './file-filters.tsx';
import { ChatLink, FileRow, FileTile } from './file-item.tsx';
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
  const scroller = useRef<HTMLElement>(null);
  const goneFile = useListFocus(scroller, files);
  const [viewing, setViewing] = useState<Viewing | null>(null);
  const open = useCallback((file: ChatFile, from: HTMLElement) => setViewing({ fileId: file.id, from }), []);
  const close = useCallback(() => setViewing(null), []);
  // The same elements again while the viewer moves.
  const items = useMemo(
    () => files.map((file) => <Item key={file.id} file={file} browser={browser} onOpen={open} />),
    [files, Item, browser, open],
  );
  return (
    <div class="file-view">
      <FileFilters browser={browser} state={state} looks={looks} onLooks={setLooks} />
      <section
        class="file-scroller"
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus the keyboard cannot scroll it
        tabIndex={0}
        aria-label={words.label('sharedFiles')}
        aria-busy={isLoading}
      >
        <ul class={looks === 'list' ? 'file-list' : 'file-gallery'}>{items}</ul>
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
      <p class="visually-hidden" role="status">
        {goneFile !== null && words.text('removedFile', { name: goneFile.name })}
      </p>
      <Viewer
        source={browser}
        files={files}
        viewing={viewing}
        onClose={close}
        more={{ count: state.count ?? 0, load: loadMore }}
        actions={(file) => browser.sessionId === null && <ChatLink id={file.session_id} onFollow={close} />}
      />
    </div>
  );
}
