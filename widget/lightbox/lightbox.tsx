/** The viewer: one file at a time, over the whole window. A chunk of its own. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { addStyles } from '../ui/add-styles.ts';
import { DownloadLink } from '../ui/download-link.tsx';
import { WithConfirm } from '../ui/file-bubble.tsx';
import { FileName } from '../ui/file-name.tsx';
import { Icon, IconButton } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';
import { senderText } from '../words/state-words.ts';
import { catchBack } from './back-button.ts';
import { css } from './lightbox.css?text';
import { askForRoom } from './room-in-frame.ts';
import { Slide } from './slide.tsx';
import { useFullScreen } from './use-full-screen.ts';
import { useStage } from './use-stage.ts';
import type { LightboxProps } from './viewing.ts';

/** The end of what is loaded comes near with so many files left. */
const NEAR_END_FILES = 5;

export function Lightbox(props: LightboxProps) {
  const { source, files, viewing, more } = props;
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const { index, file, goneName, show } = useCurrent(files, viewing.fileId);
  const count = Math.max(files.length, more?.count ?? 0);
  const fullScreen = useFullScreen(frame);

  const isClosing = useRef(false);
  const close = useCallback(() => {
    if (isClosing.current) return;
    isClosing.current = true;
    dialog.current?.close();
    props.onClose();
    const list = viewing.from.isConnected ? viewing.from : null;
    list?.focus();
  }, []);

  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    addStyles(element.getRootNode() as ShadowRoot, css);
    element.showModal();
    frame.current?.focus();
    const giveBackRoom = askForRoom(element.closest<HTMLElement>('.pane'));
    const forgetBack = catchBack(close);
    return () => {
      giveBackRoom();
      forgetBack();
    };
  }, []);

  const step = useCallback((by: number) => show(index + by), [show, index]);
  const stage = useStage({ file, index, count, onStep: step, onBackground: close });

  // Before the next key.
  useLayoutEffect(() => {
    if (file === undefined) return close();
    // The button that deleted the one before went with it; without a focus inside, no key would arrive.
    const root = frame.current?.getRootNode() as ShadowRoot | undefined;
    if (!dialog.current?.contains(root?.activeElement ?? null)) frame.current?.focus();
  }, [file?.id]);
  useEffect(() => {
    if (more && count > files.length && index >= files.length - NEAR_END_FILES) more.load();
  }, [index, files.length, count]);
  if (file === undefined) return null;

  function onKeyDown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    // A player's own controls take the arrows; in the question there is nothing to turn over.
    if ((event.target as Element).closest('video, .voice, fieldset')) return;
    const isRtl = getComputedStyle(event.currentTarget as Element).direction === 'rtl';
    const done = stage.onKey(event.key) || turnByKey(event.key, isRtl);
    if (done) event.preventDefault();
  }

  function turnByKey(key: string, isRtl: boolean): boolean {
    if (key === (isRtl ? 'ArrowLeft' : 'ArrowRight') || key === 'PageDown') show(index + 1);
    else if (key === (isRtl ? 'ArrowRight' : 'ArrowLeft') || key === 'PageUp') show(index - 1);
    else if (key === 'Home') show(0);
    else if (key === 'End') show(files.length - 1);
    else return false;
    return true;
  }

  const date = new Date(file.created_at);
  const position = words.text('positionOf', { position: index + 1, count });
  return (
    <dialog
      class="lightbox"
      ref={dialog}
      aria-label={words.label('viewer')}
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClose={close}
    >
      <div class="lightbox-frame" ref={frame} tabIndex={-1}>
        <WithConfirm key={file.id} source={source} file={file}>
          {(deleteButton) => (
            <header class="lightbox-bar">
              <p class="lightbox-position">{position}</p>
              {fullScreen.isPossible && (
                <IconButton
                  icon={fullScreen.isOn ? 'shrink' : 'expand'}
                  label={words.label(fullScreen.isOn ? 'leaveFullScreen' : 'fullScreen')}
                  onClick={fullScreen.toggle}
                />
              )}
              {props.actions?.(file)}
              <DownloadLink source={source} file={file} />
              {deleteButton}
              <IconButton icon="close" label={words.label('close')} onClick={close} />
            </header>
          )}
        </WithConfirm>
        <div class="lightbox-stage" ref={stage.element} data-zoomed={stage.isZoomed}>
          {files.map((slide, place) =>
            Math.abs(place - index) > 1 ? null : (
              <Slide
                key={slide.id}
                source={source}
                file={slide}
                offset={(place - index) * stage.sign}
                {...stage.slideProps(slide)}
              />
            ),
          )}
          {files.length > 1 && (
            <>
              <TurnButton
                side="previous"
                label={words.label('previous')}
                isAtEnd={index === 0}
                onClick={() => step(-1)}
              />
              <TurnButton
                side="next"
                label={words.label('next')}
                isAtEnd={index === files.length - 1}
                onClick={() => step(1)}
              />
            </>
          )}
        </div>
        <footer class="lightbox-caption">
          <div>
            <FileName name={file.name} />
            <p class="lightbox-facts">
              {words.facts(
                words.bytes(file.size),
                senderText(words, file.uploader, source.side),
                words.day(date),
                words.time(date),
              )}
            </p>
          </div>
          {stage.canZoom && (
            <>
              <IconButton icon="minus" label={words.label('zoomOut')} onClick={stage.zoomOut} />
              <IconButton icon="plus" label={words.label('zoomIn')} onClick={stage.zoomIn} />
            </>
          )}
        </footer>
        <p class="visually-hidden" role="status">
          {goneName !== null && `${words.text('removedFile', { name: goneName })}. `}
          {words.facts(file.name, position)}
        </p>
      </div>
    </dialog>
  );
}

/** At the end it stays, only faint: a button that vanishes or is disabled takes the focus with it. */
function TurnButton(props: { side: 'previous' | 'next'; label: string; isAtEnd: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      class="lightbox-turn"
      data-side={props.side}
      aria-label={props.label}
      aria-disabled={props.isAtEnd}
      title={props.label}
      onClick={props.onClick}
    >
      <Icon name={props.side} />
    </button>
  );
}

/** Which one is looked at, by its id: others come and go around it. When it goes itself, its neighbour takes its place. */
function useCurrent(files: ChatFile[], firstId: number) {
  const [currentId, setCurrentId] = useState(firstId);
  const [goneName, setGoneName] = useState<string | null>(null);
  const last = useRef<{ index: number; name: string }>({ index: 0, name: '' });
  const found = files.findIndex(({ id }) => id === currentId);
  const index = found >= 0 ? found : Math.min(last.current.index, files.length - 1);
  const file = files[index];

  useLayoutEffect(() => {
    if (found < 0) {
      setGoneName(last.current.name);
      if (file) setCurrentId(file.id);
    }
    last.current = { index: Math.max(0, index), name: file?.name ?? '' };
  });

  const show = useCallback(
    (place: number) => {
      const next = files[Math.max(0, Math.min(files.length - 1, place))];
      if (!next) return;
      setGoneName(null);
      setCurrentId(next.id);
    },
    [files],
  );
  return { index, file, goneName, show };
}
