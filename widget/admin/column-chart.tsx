/** Columns over days or steps, stacked by series, as SVG; what stands under the pointer is said above, and all of it in a table. */
import { useId, useState } from '@uppy/core/utils/preact/hooks';
import { number } from './say.ts';

export type Series = { name: string; colour: string; values: readonly number[] };

type Props = {
  /** What is counted, for who does not see it. */
  name: string;
  /** Of each column, for the axis, and in full. */
  labels: readonly string[];
  fullLabels: readonly string[];
  /** What the first column of the table is. */
  of: string;
  series: readonly Series[];
  say?: (value: number) => string;
  isWhole?: boolean;
};

/** Of a column's room. */
const COLUMN_SHARE = 0.72;
const MAX_LABELS = 6;
const FEW_COLUMNS = 8;
const STEPS = [1, 2, 3, 4, 5, 6, 8, 10];

export function ColumnChart({ name, labels, fullLabels, of, series, say = number }: Props) {
  const id = useId();
  const [pointed, setPointed] = useState<number | null>(null);
  const sums = labels.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const top = niceTop(Math.max(...sums));
  const room = 100 / labels.length;
  const shown = pointed !== null && pointed < labels.length ? pointed : null;
  const total = sums.reduce((sum, value) => sum + value, 0);

  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <span
          class="visually-hidden"
          id={id}
        >{`${name}: ${say(total)} in all. The numbers are in the table below.`}</span>
        <span class="legend" aria-hidden="true">
          {shown === null
            ? series.map((each) => <Key key={each.name} {...each} says={say(sumOf(each.values))} />)
            : series.map((each) => <Key key={each.name} {...each} says={say(each.values[shown] ?? 0)} />)}
          <span class="legend-at">{shown === null ? 'All' : fullLabels[shown]}</span>
        </span>
      </figcaption>
      <div class="plot" aria-hidden="true">
        <div class="scale">
          {[top, top / 2, 0].map((value) => (
            <span key={value}>{say(value)}</span>
          ))}
        </div>
        <svg
          class="columns"
          role="presentation"
          onPointerMove={(event) => {
            const { left, width } = event.currentTarget.getBoundingClientRect();
            setPointed(
              Math.max(0, Math.min(labels.length - 1, Math.floor(((event.clientX - left) / width) * labels.length))),
            );
          }}
          onPointerLeave={() => setPointed(null)}
        >
          {[0, 50].map((y) => (
            <line key={y} class="grid" x1="0" x2="100%" y1={`${y}%`} y2={`${y}%`} />
          ))}
          <line class="grid base" x1="0" x2="100%" y1="100%" y2="100%" />
          {shown !== null && <rect class="pointed" x={`${shown * room}%`} width={`${room}%`} height="100%" />}
          {labels.map((label, at) => (
            <Column key={label + String(at)} at={at} room={room} top={top} series={series} />
          ))}
        </svg>
        <div class="axis">
          {labels.map((label, at) =>
            isLabelled(at, labels.length) ? (
              <span
                key={label + String(at)}
                data-edge={edgeOf(at, labels.length)}
                data-spare={isSpare(at, labels.length) || undefined}
                style={{ left: `${(at + 0.5) * room}%` }}
              >
                {label}
              </span>
            ) : null,
          )}
        </div>
      </div>
      <details>
        <summary>As a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be scrolled by keys too */}
        <section class="table-room" aria-label={`Table: ${name}`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{of}</th>
                {series.map((each) => (
                  <th key={each.name} scope="col" data-number>
                    {each.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {fullLabels.map((label, at) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  {series.map((each) => (
                    <td key={each.name} data-number>
                      {say(each.values[at] ?? 0)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  );
}

function Key({ name, colour, says }: Series & { says: string }) {
  return (
    <span class="key">
      <svg class="key-dot" aria-hidden="true">
        <circle cx="50%" cy="50%" r="5" fill={colour} />
      </svg>
      {name} <b>{says}</b>
    </span>
  );
}

function Column({ at, room, top, series }: { at: number; room: number; top: number; series: readonly Series[] }) {
  let below = 0;
  return (
    <g>
      {series.map(({ name, colour, values }) => {
        const height = ((values[at] ?? 0) / top) * 100;
        below += height;
        return height === 0 ? null : (
          <rect
            key={name}
            x={`${(at + (1 - COLUMN_SHARE) / 2) * room}%`}
            width={`${room * COLUMN_SHARE}%`}
            y={`${100 - below}%`}
            height={`${height}%`}
            fill={colour}
          />
        );
      })}
    </g>
  );
}

/** The next number above that an axis ends with; half of it is a whole number too. */
function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  const top = STEPS.map((step) => step * power).find((each) => each >= most && each % 2 === 0);
  return top ?? 10 * power;
}

/** As many as fit, evenly, the last one always. */
function isLabelled(at: number, count: number): boolean {
  return (count - 1 - at) % everyOf(count) === 0;
}

function everyOf(count: number): number {
  return count <= FEW_COLUMNS ? 1 : Math.ceil(count / MAX_LABELS);
}

/** Every second one goes where there is little room. */
function isSpare(at: number, count: number): boolean {
  return Math.floor((count - 1 - at) / everyOf(count)) % 2 === 1;
}

function edgeOf(at: number, count: number): 'start' | 'end' | undefined {
  if (count <= FEW_COLUMNS) return undefined;
  return at === 0 ? 'start' : at === count - 1 ? 'end' : undefined;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
