/** What the cards of the operator's page are made of: a card, a table that scrolls, a number with its name, bars. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import { useId } from '@uppy/core/utils/preact/hooks';

export function Card(props: { title: string; note?: ComponentChildren; wide?: boolean; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="card" data-wide={props.wide || undefined} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{props.title}</h2>
        {props.note !== undefined && <p class="note">{props.note}</p>}
      </header>
      {props.children}
    </section>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** `number`: columns whose cells are numbers, by their place. */
export function Table(props: {
  name: string;
  head: readonly string[];
  numbers?: readonly number[];
  children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be scrolled by keys too
    <section class="table-room" aria-label={`Table: ${props.name}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.head.map((title, at) => (
              <th key={title} scope="col" data-number={props.numbers?.includes(at) || undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </section>
  );
}

/** A figure with its name, and what it means under it. */
export function Figure(props: {
  name: string;
  value: string;
  note?: string | undefined;
  tone?: 'good' | 'bad' | undefined;
}) {
  return (
    <div class="figure" data-tone={props.tone}>
      <dt>{props.name}</dt>
      <dd>
        <strong>{props.value}</strong>
        {props.note !== undefined && <span class="figure-note">{props.note}</span>}
      </dd>
    </div>
  );
}

export type Bar = { key: string; label: ComponentChildren; value: number; says: string };

/** Lines with a bar each, the longest as wide as there is room. The numbers stand beside them: no other words are needed. */
export function Bars({ bars, colour = 'var(--accent)' }: { bars: readonly Bar[]; colour?: string }) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <ul class="bars">
      {bars.map(({ key, label, value, says }) => (
        <li key={key}>
          <span class="bar-label">{label}</span>
          <span class="bar-value">{says}</span>
          <svg class="bar" aria-hidden="true">
            <rect class="bar-track" width="100%" height="100%" rx="3" />
            <rect width={`${(value / most) * 100}%`} height="100%" rx="3" fill={colour} />
          </svg>
        </li>
      ))}
    </ul>
  );
}

/** A company's name, which leads to its numbers. */
export function CompanyLink({ company }: { company: string }) {
  return (
    <a class="company" href={`#analytics/${company}`} title={`Numbers of ${company}`}>
      <bdi>{company}</bdi>
    </a>
  );
}
