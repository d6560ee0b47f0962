/** What the dashboard shows, as a text that can stand behind the `#` of an address: a chat's id is no secret. */
import { createObservable, type Observable } from '../core/observable.ts';
import { standsOnViewer } from '../lightbox/back-button.ts';

export type Place =
  | { kind: 'none' }
  /** All files of the company. */
  | { kind: 'files' }
  | { kind: 'chat'; id: string; view: 'chat' | 'files' };

export type Places = {
  current: Observable<Place>;
  go(place: Place): void;
  destroy(): void;
};

const CHAT = /^#\/chat\/([A-Za-z0-9_-]{1,64})(\/files)?$/;

export function hashOf(place: Place): string {
  if (place.kind === 'none') return '#/';
  if (place.kind === 'files') return '#/files';
  return `#/chat/${place.id}${place.view === 'files' ? '/files' : ''}`;
}

function placeOf(hash: string): Place {
  if (hash === '#/files') return { kind: 'files' };
  const [, id, files] = CHAT.exec(hash) ?? [];
  return id === undefined ? { kind: 'none' } : { kind: 'chat', id, view: files ? 'files' : 'chat' };
}

/** `inAddress`: the page belongs to the dashboard, so that reload, Back and links lead to what was seen. */
export function createPlaces({ inAddress }: { inAddress: boolean }): Places {
  const current = createObservable<Place>(inAddress ? placeOf(location.hash) : { kind: 'none' });
  const onHashChange = () => {
    const next = placeOf(location.hash);
    if (hashOf(next) !== hashOf(current.get())) current.set(next);
  };
  if (inAddress) window.addEventListener('hashchange', onHashChange);
  return {
    current,
    go(place) {
      if (hashOf(place) === hashOf(current.get())) return;
      current.set(place);
      if (!inAddress) return;
      if (standsOnViewer()) history.replaceState(null, '', hashOf(place));
      else location.hash = hashOf(place);
    },
    destroy: () => window.removeEventListener('hashchange', onHashChange),
  };
}
