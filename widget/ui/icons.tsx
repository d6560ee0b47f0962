/** The icons, drawn inline: no requests, and they take the colour of their text. */
import type { ComponentChildren } from '@uppy/core/utils/preact';

const PATHS = {
  attach: (
    <path d="m20 11.5-8.1 8.1a5.2 5.2 0 0 1-7.4-7.4l8.3-8.2a3.5 3.5 0 0 1 5 4.9l-8.4 8.3a1.7 1.7 0 0 1-2.4-2.4l7.5-7.5" />
  ),
  pause: <path d="M9 6v12M15 6v12" />,
  play: <path d="M8 5.5v13l10.5-6.5z" />,
  close: <path d="m6.5 6.5 11 11m0-11-11 11" />,
  retry: <path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4h-4" />,
  download: <path d="M12 4.5v10.7m-4.3-4 4.3 4.3 4.3-4.3M5 19.5h14" />,
  delete: (
    <path d="M4.5 7h15M10 11v5.5m4-5.5v5.5M6.5 7l.8 11.3c.1.7.6 1.2 1.3 1.2h6.8c.7 0 1.2-.5 1.3-1.2L17.5 7m-8-.2.6-2c.1-.5.5-.8 1-.8h1.8c.5 0 .9.3 1 .8l.6 2" />
  ),
  folder: <path d="M3.5 7.5c0-1.1.9-2 2-2h3.7l2 2.3h7.3c1.1 0 2 .9 2 2v7.2c0 1.1-.9 2-2 2h-13a2 2 0 0 1-2-2z" />,
  warning: (
    <path d="M12 8.8v4.4m0 3.1v.1M10.4 4.6 3.3 17a1.9 1.9 0 0 0 1.6 2.8h14.2a1.9 1.9 0 0 0 1.6-2.8L13.6 4.6a1.9 1.9 0 0 0-3.2 0z" />
  ),
  clock: <path d="M12 7.3V12l3 1.9M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0z" />,
  check: <path d="m5 12.8 4.6 4.7L19 7.5" />,
  previous: <path d="m14.5 5.5-6.5 6.5 6.5 6.5" />,
  next: <path d="m9.5 5.5 6.5 6.5-6.5 6.5" />,
  minus: <path d="M5.5 12h13" />,
  expand: <path d="M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15" />,
  shrink: <path d="M9 4.5V9H4.5M19.5 9H15V4.5M15 19.5V15h4.5M4.5 15H9v4.5" />,
  down: <path d="M12 5v13.5m-5.5-5.5 5.5 5.5 5.5-5.5" />,
  plus: <path d="M12 5.5v13M5.5 12h13" />,
  drop: <path d="M12 3.5v9.7m-4-3.9 4 4 4-4M4.5 14v3.5c0 1.4 1.1 2.5 2.5 2.5h10c1.4 0 2.5-1.1 2.5-2.5V14" />,
  camera: (
    <path d="M4 8.2c0-.9.7-1.6 1.6-1.6h2.2l1.5-2.1h5.4l1.5 2.1h2.2c.9 0 1.6.7 1.6 1.6v8.6c0 .9-.7 1.7-1.6 1.7H5.6c-.9 0-1.6-.8-1.6-1.7zM15.4 12.4a3.4 3.4 0 1 1-6.8 0 3.4 3.4 0 0 1 6.8 0z" />
  ),
  video: (
    <path d="M3.5 8.3c0-1 .8-1.8 1.8-1.8h7.9c1 0 1.8.8 1.8 1.8v7.4c0 1-.8 1.8-1.8 1.8H5.3c-1 0-1.8-.8-1.8-1.8zM15 11l5.5-3v8L15 13" />
  ),
  microphone: (
    <path d="M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5.4a2.8 2.8 0 0 0 5.6 0V6.3A2.8 2.8 0 0 0 12 3.5zM5.8 11.5a6.2 6.2 0 0 0 12.4 0M12 17.7v2.8" />
  ),
  more: <path d="M5.5 12h.01M12 12h.01M18.5 12h.01" stroke-width="2.6" />,
  stop: <path d="M7.5 7.5h9v9h-9z" fill="currentColor" />,
  smaller: <path d="M19.5 4.5 14 10m0-4.5V10h4.5M4.5 19.5 10 14m0 4.5V14H5.5" />,
  turn: (
    <path d="M4.5 10.5a7.8 7.8 0 0 1 13.6-3.6l1.4 1.6m0-4.5v4.5H15M19.5 13.5a7.8 7.8 0 0 1-13.6 3.6l-1.4-1.6m0 4.5v-4.5H9" />
  ),
  send: <path d="M12 19.5v-15m-5.5 5.7L12 4.5l5.5 5.7" />,
  offline: (
    <path d="M4 4l16 16M8.6 15.2a5 5 0 0 1 6.2-.4M5.4 11.9a9.5 9.5 0 0 1 4.1-2.4m4 0a9.5 9.5 0 0 1 5.1 2.4M2.5 8.7A14 14 0 0 1 6.7 6m4-.9a14 14 0 0 1 10.8 3.6M12 18.7v.1" />
  ),
  search: <path d="m15.3 15.3 4.7 4.7M17.5 10.5a7 7 0 1 1-14 0 7 7 0 0 1 14 0z" />,
  back: <path d="M19.5 12h-15m6.5-6.5L4.5 12l6.5 6.5" />,
  list: <path d="M8.5 6.5h11m-11 5.5h11m-11 5.5h11M4.5 6.5h.1m-.1 5.5h.1m-.1 5.5h.1" />,
  gallery: <path d="M4.5 4.5h6v6h-6zm9 0h6v6h-6zm-9 9h6v6h-6zm9 0h6v6h-6z" />,
  chat: <path d="M4.5 6.5c0-1.1.9-2 2-2h11a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H11l-4.5 4v-4a2 2 0 0 1-2-2z" />,
  leave: (
    <path d="M13.5 7V5.500c0-.6-.4-1-1-1h-7c-.6 0-1 .4-1 1v13c0 .6.4 1 1 1h7c.6 0 1-.4 1-1V17M9.500 12h10.500m-3.500-3.500L20 12l-3.500 3.500" />
  ),
} satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof PATHS;

/** Those that point to where the text comes from or goes on. */
const POINTING: ReadonlySet<IconName> = new Set<IconName>(['previous', 'next']);

/** Decoration only: whatever uses it carries the words. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
      data-points={POINTING.has(name) || undefined}
    >
      {PATHS[name]}
    </svg>
  );
}

/** A square button with an icon, named for those who cannot see it. */
export function IconButton(props: { icon: IconName; label: string; onClick: () => void; tone?: 'danger' }) {
  return (
    <button
      type="button"
      class="icon-button"
      data-tone={props.tone}
      aria-label={props.label}
      title={props.label}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}
