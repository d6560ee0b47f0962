/** A button with a menu, as the WAI-ARIA practices have it: arrows, Home, End, Escape, and the focus comes back. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { Icon, type IconName } from './icons.tsx';

export type MenuItem = {
  id: string;
  icon: IconName;
  label: string;
  /** A second, smaller line. */
  hint?: string;
  /** Makes it a switch. */
  isChecked?: boolean;
  onSelect: () => void;
};

/** `buttonRef` is for whoever wants to give the focus back to the button later. */
export function MenuButton(props: {
  label: string;
  icon: IconName;
  items: MenuItem[];
  buttonRef: { current: HTMLButtonElement | null };
  children?: ComponentChildren;
}) {
  const { label, icon, items, buttonRef } = props;
  const [isOpen, setIsOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const startsAt = useRef<'first' | 'last'>('first');

  const itemsShown = () => [...(menu.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];

  useLayoutEffect(() => {
    if (isOpen)
      itemsShown()
        .at(startsAt.current === 'first' ? 0 : -1)
        ?.focus();
  }, [isOpen]);

  useLayoutEffect(() => {
    if (!isOpen) return;
    const onPointerDown = (event: Event) => {
      const path = event.composedPath();
      if (menu.current && !path.includes(menu.current) && !path.includes(buttonRef.current as EventTarget))
        setIsOpen(false);
    };
    document.addEventListener('pointerdown', onPointerDown);
    return () => document.removeEventListener('pointerdown', onPointerDown);
  }, [isOpen, buttonRef]);

  function close(): void {
    setIsOpen(false);
    buttonRef.current?.focus();
  }

  function onMenuKey(event: KeyboardEvent): void {
    const all = itemsShown();
    const at = all.indexOf(event.target as HTMLElement);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const next = moves[event.key];
    if (next !== undefined) all.at(next % all.length)?.focus();
    else if (event.key === 'Escape') close();
    else {
      if (event.key === 'Tab') setIsOpen(false);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function onButtonKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    startsAt.current = event.key === 'ArrowDown' ? 'first' : 'last';
    setIsOpen(true);
  }

  return (
    <div class="menu-anchor">
      <button
        type="button"
        class="icon-button"
        ref={buttonRef}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onKeyDown={onButtonKey}
        onClick={() => {
          startsAt.current = 'first';
          setIsOpen(!isOpen);
        }}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div class="menu" role="menu" aria-label={label} tabIndex={-1} ref={menu} onKeyDown={onMenuKey}>
          {items.map((item) => (
            <button
              key={item.id}
              type="button"
              class="menu-item"
              {...(item.isChecked === undefined
                ? { role: 'menuitem' as const }
                : { role: 'menuitemcheckbox' as const, 'aria-checked': item.isChecked })}
              tabIndex={-1}
              onClick={() => {
                close();
                item.onSelect();
              }}
            >
              <Icon name={item.icon} />
              <span>
                {item.label}
                {item.hint && <small>{item.hint}</small>}
              </span>
              {item.isChecked !== undefined && <span class="switch" data-on={item.isChecked} aria-hidden="true" />}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
