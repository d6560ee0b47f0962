/** What the list of files is narrowed by: a text, the kind, the sender; and its order and looks. */
import type { Uploader } from '../../server/contract/chat-file.ts';
import { FILE_KINDS, FILE_ORDERS, type FileKind, type FileOrder } from '../../server/contract/file-filter.ts';
import { Icon } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';
import type { LabelKey } from '../words/dictionary.ts';
import type { BrowserFilter, FileBrowser, FileBrowserState } from './file-browser.ts';
import { SearchField } from './search-field.tsx';

export type Looks = 'list' | 'gallery';

const KIND_NAMES: Record<FileKind, LabelKey> = {
  image: 'kindPictures',
  video: 'kindVideos',
  audio: 'kindAudio',
  document: 'kindDocuments',
  other: 'kindOther',
};
const ORDER_NAMES: Record<FileOrder, LabelKey> = { newest: 'newestFirst', oldest: 'oldestFirst' };

export function FileFilters(props: {
  browser: FileBrowser;
  state: FileBrowserState;
  looks: Looks;
  onLooks: (looks: Looks) => void;
}) {
  const { browser, state, looks } = props;
  const words = useWords();
  const { filter } = state;
  const change = (next: Partial<BrowserFilter>) => browser.setFilter(next);
  // One group of radio buttons for each view: two views may be on the page.
  const name = `kind-${browser.sessionId ?? ''}`;

  return (
    <div class="filters">
      <div class="filter-line">
        <SearchField label={words.label('searchFiles')} value={filter.q ?? ''} onInput={(q) => change({ q })} />
        <fieldset class="looks">
          <legend class="visually-hidden">{words.label('showAs')}</legend>
          <LooksButton
            icon="list"
            label={words.label('listView')}
            isOn={looks === 'list'}
            onClick={() => props.onLooks('list')}
          />
          <LooksButton
            icon="gallery"
            label={words.label('galleryView')}
            isOn={looks === 'gallery'}
            onClick={() => props.onLooks('gallery')}
          />
        </fieldset>
      </div>
      <fieldset class="kinds">
        <legend class="visually-hidden">{words.label('filterByKind')}</legend>
        {[undefined, ...FILE_KINDS].map((kind) => (
          <label key={kind ?? 'all'} class="kind">
            <input type="radio" name={name} checked={filter.kind === kind} onChange={() => change({ kind })} />
            <span>{words.label(kind === undefined ? 'kindAll' : KIND_NAMES[kind])}</span>
          </label>
        ))}
      </fieldset>
      <div class="filter-line">
        <span class="file-count" role="status">
          {state.count !== null && words.text('fileCount', { count: state.count })}
        </span>
        <select
          aria-label={words.label('sentBy')}
          value={filter.uploader ?? ''}
          onChange={(event) => change({ uploader: (event.currentTarget.value || undefined) as Uploader | undefined })}
        >
          <option value="">{words.label('anyone')}</option>
          <option value="user">{words.label('visitor')}</option>
          <option value="agent">{words.label('agent')}</option>
        </select>
        <select
          aria-label={words.label('order')}
          value={filter.order}
          onChange={(event) => change({ order: event.currentTarget.value as FileOrder })}
        >
          {[...FILE_ORDERS].reverse().map((order) => (
            <option key={order} value={order}>
              {words.label(ORDER_NAMES[order])}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

function LooksButton(props: { icon: 'list' | 'gallery'; label: string; isOn: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      class="looks-button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.isOn}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}
