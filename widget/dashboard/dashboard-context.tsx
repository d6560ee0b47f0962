/** What all parts of one dashboard share. */
import { type ComponentChildren, createContext } from '@uppy/core/utils/preact';
import { useContext } from '@uppy/core/utils/preact/hooks';
import type { ThemeName } from '../frame/frame-messages.ts';
import { useObservable } from '../ui/use-observable.ts';
import type { Company } from './company.ts';
import { hashOf, type Place, type Places } from './place.ts';

export type DashboardParts = { company: Company; places: Places; apiBaseUrl: string; theme: ThemeName };

const Parts = createContext<DashboardParts | null>(null);

export function DashboardProvider({ parts, children }: { parts: DashboardParts; children: ComponentChildren }) {
  return <Parts.Provider value={parts}>{children}</Parts.Provider>;
}

export function useParts(): DashboardParts {
  const parts = useContext(Parts);
  if (parts === null) throw new Error('outside of a dashboard');
  return parts;
}

export function usePlace(): Place {
  return useObservable(useParts().places.current);
}

/** A link to a place: opens in a new tab as links do, where the address holds the place. */
export function PlaceLink(props: {
  to: Place;
  class?: string;
  current?: boolean | undefined;
  label?: string | undefined;
  tabIndex?: number | undefined;
  id?: string | undefined;
  isNew?: boolean | undefined;
  onFollow?: (() => void) | undefined;
  children: ComponentChildren;
}) {
  const { places } = useParts();
  return (
    <a
      class={props.class}
      href={hashOf(props.to)}
      aria-current={props.current ? 'page' : undefined}
      aria-label={props.label}
      title={props.label}
      tabIndex={props.tabIndex}
      data-id={props.id}
      data-new={props.isNew || undefined}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        props.onFollow?.();
        places.go(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

/** With a key held the browser opens a tab or a window. */
export function isPlainClick(event: MouseEvent): boolean {
  return !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0;
}
