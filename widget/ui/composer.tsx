/** The button that chooses files, what else the device can give beside it, and the limits. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatConfig } from '../../server/contract/chat-file.ts';
import { limitsText } from '../words/state-words.ts';
import { acceptOf, allowsFamily } from './allowed-types.ts';
import { photoType, recorderType } from './capture-types.ts';
import { Icon, IconButton } from './icons.tsx';
import { LazyPart } from './lazy-part.tsx';
import { MenuButton, type MenuItem } from './menu-button.tsx';
import { useAbilities } from './use-abilities.ts';
import type { Adding } from './use-adding.ts';
import { useHeadStart } from './use-head-start.ts';
import type { Picker } from './use-picker.ts';
import { useWords } from './use-words.tsx';

/** Narrower than this there is room for the main button and the menu only. */
const NARROW_PX = 372;
/** Until the server has said what it takes. */
const EVERYTHING = ['*'];
/** Not in Preact's types. */
const FOLDERS = { webkitdirectory: true } as object;

const loadVoiceNote = () => import('../adding/voice-note.tsx').then(({ VoiceNote }) => VoiceNote);
const loadCamera = () => import('../adding/camera-dialog.tsx').then(({ CameraDialog }) => CameraDialog);

/** A label around a real file input: the platform's own dialog, keyboard and screen reader support. */
export function Composer(props: { picker: Picker; adding: Adding; config: ChatConfig | null; isConnecting: boolean }) {
  const { picker, adding, config } = props;
  const words = useWords();
  // The first size that is written out costs a phone a sixth of a second: the browser gets itself the units of the language.
  const saysLimits = useHeadStart(props.isConnecting) && config !== null;
  const footer = useRef<HTMLElement>(null);
  const menuButton = useRef<HTMLButtonElement>(null);
  const isNarrow = useIsNarrow(footer);
  const [open, setOpen] = useState<'voice' | 'camera' | null>(null);
  const opener = useRef<HTMLElement | null>(null);
  const types = config?.allowed_types ?? EVERYTHING;
  const maxBytes = config?.max_file_size ?? Number.POSITIVE_INFINITY;
  const { items, inputs } = useWays({ types, adding, onOpen: start });

  function start(part: 'voice' | 'camera'): void {
    const root = footer.current?.getRootNode() as ShadowRoot | Document | undefined;
    opener.current = (root?.activeElement as HTMLElement | null | undefined) ?? null;
    setOpen(part);
  }

  function finish(file: File | null): void {
    setOpen(null);
    if (file) adding.add([file]);
  }

  // In the step that closes it: later it would take the focus from who has gone on to something else.
  useLayoutEffect(() => {
    if (open !== null || opener.current === null) return;
    // The button that opened it may have been in the footer that was away meanwhile, and is another one now.
    const back = opener.current.isConnected ? opener.current : (menuButton.current ?? picker.input.current);
    opener.current = null;
    back?.focus();
  }, [open, picker.input]);

  const isRecording = open === 'voice';
  const voice = recorderType('audio', types);
  const beside = isNarrow ? [] : items.filter(({ isMain }) => isMain);
  const inMenu = isNarrow ? items : items.filter(({ isMain }) => !isMain);
  return (
    <footer class="composer" ref={footer} data-narrow={isNarrow}>
      <div class="composer-row" hidden={isRecording}>
        <label class="pick-button">
          <input
            type="file"
            multiple
            accept={acceptOf(types)}
            ref={picker.input}
            onChange={picker.onChange}
            onCancel={picker.onCancel}
          />
          <Icon name="attach" />
          <span>{words.label('chooseFiles')}</span>
        </label>
        {(beside.length > 0 || inMenu.length > 0) && (
          <div class="composer-ways">
            {beside.map(({ id, icon, label, onSelect }) => (
              <IconButton key={id} icon={icon} label={label} onClick={onSelect} />
            ))}
            {inMenu.length > 0 && (
              <MenuButton label={words.label('moreWays')} icon="more" items={inMenu} buttonRef={menuButton} />
            )}
          </div>
        )}
        <p class="limits">{saysLimits ? limitsText(words, config) : words.label('dropOrPaste')}</p>
      </div>
      {inputs}
      {open === 'voice' && voice !== null && (
        <LazyPart load={loadVoiceNote} use={{ type: voice, maxBytes, onDone: finish }} onClose={() => setOpen(null)} />
      )}
      {open === 'camera' && (
        <LazyPart
          load={loadCamera}
          use={{ type: recorderType('video', types), photoType: photoType(types), maxBytes, onDone: finish }}
          onClose={() => setOpen(null)}
        />
      )}
    </footer>
  );
}

/** What can be offered here, and the hidden inputs behind it. `isMain`: has a button of its own where there is room. */
function useWays(needs: { types: readonly string[]; adding: Adding; onOpen: (part: 'voice' | 'camera') => void }) {
  const { types, adding, onOpen } = needs;
  const words = useWords();
  const { isPhone, hasCamera, hasMicrophone, hasFolders } = useAbilities();
  const photo = useRef<HTMLInputElement>(null);
  const video = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const takesPhotos = photoType(types) !== null;
  const takesVideos = allowsFamily('video/', types);
  const recordsVideos = recorderType('video', types) !== null;

  const ways: (MenuItem & { isMain: boolean; isThere: boolean })[] = [
    {
      id: 'photo',
      icon: 'camera',
      label: words.label('takePhoto'),
      isMain: true,
      isThere: isPhone && takesPhotos,
      onSelect: () => photo.current?.click(),
    },
    {
      id: 'video',
      icon: 'video',
      label: words.label('recordVideo'),
      isMain: !takesPhotos,
      isThere: isPhone && takesVideos,
      onSelect: () => video.current?.click(),
    },
    {
      id: 'camera',
      icon: 'camera',
      label: words.label('camera'),
      isMain: true,
      isThere: !isPhone && hasCamera && (takesPhotos || recordsVideos),
      onSelect: () => onOpen('camera'),
    },
    {
      id: 'voice',
      icon: 'microphone',
      label: words.label('voiceNote'),
      isMain: true,
      isThere: hasMicrophone && recorderType('audio', types) !== null,
      onSelect: () => onOpen('voice'),
    },
    {
      id: 'folder',
      icon: 'folder',
      label: words.label('chooseFolder'),
      isMain: false,
      isThere: hasFolders,
      onSelect: () => folder.current?.click(),
    },
    {
      id: 'smaller',
      icon: 'smaller',
      label: words.label('smallerPictures'),
      hint: words.label('smallerPicturesHint'),
      isChecked: adding.isSmaller,
      isMain: false,
      isThere: takesPhotos,
      onSelect: () => adding.setSmaller(!adding.isSmaller),
    },
  ];

  const take = (input: { current: HTMLInputElement | null }) => () => {
    const chosen = [...(input.current?.files ?? [])];
    // Otherwise the same one again changes nothing, and nothing happens.
    if (input.current) input.current.value = '';
    adding.add(chosen);
  };
  const inputs = (
    <>
      {isPhone && (
        <input type="file" hidden accept="image/*" capture="environment" ref={photo} onChange={take(photo)} />
      )}
      {isPhone && (
        <input type="file" hidden accept="video/*" capture="environment" ref={video} onChange={take(video)} />
      )}
      {hasFolders && <input type="file" hidden multiple {...FOLDERS} ref={folder} onChange={take(folder)} />}
    </>
  );
  return { items: ways.filter(({ isThere }) => isThere), inputs };
}

function useIsNarrow(element: { current: HTMLElement | null }): boolean {
  const [isNarrow, setIsNarrow] = useState(false);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const observer = new ResizeObserver(() => setIsNarrow(target.clientWidth < NARROW_PX));
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return isNarrow;
}
