/** The page's second part: what was counted by day, of all companies or of one, and all of it as CSV. */
import { useCallback, useEffect, useId, useState } from '@uppy/core/utils/preact/hooks';
import { FILE_KINDS } from '../../server/contract/file-filter.ts';
import type { Analytics as Numbers } from '../../server/contract/operator.ts';
import { Icon } from '../ui/icons.tsx';
import { type AdminApi, AdminError, type Range } from './admin-api.ts';
import { ColumnChart } from './column-chart.tsx';
import { Bars, Card, CompanyLink, Empty, Figure, Table } from './parts.tsx';
import {
  bytes,
  counted,
  dayLong,
  dayShort,
  daysAgo,
  duration,
  KIND_WORDS,
  number,
  percent,
  reason,
  seconds,
} from './say.ts';
import { usePolled } from './use-polled.ts';

const READ_EVERY_MS = 60_000;
const RANGES = [7, 30, 90] as const;
/** Of the server's own. */
const MAX_RANGE_DAYS = 400;
const COMPANY = /^[A-Za-z0-9_-]{1,64}$/;

export function Analytics(props: {
  api: AdminApi;
  company: string | null;
  onProblem: (problem: AdminError | null) => void;
}) {
  const { api, company, onProblem } = props;
  const [days, setDays] = useState<number | null>(30);
  const [own, setOwn] = useState({ from: daysAgo(29), to: daysAgo(0) });
  const { from, to } = days === null ? own : { from: daysAgo(days - 1), to: daysAgo(0) };
  const read = useCallback(
    (signal: AbortSignal) => api.analytics({ from, to, company }, signal),
    [api, from, to, company],
  );
  const { value, problem } = usePolled(read, READ_EVERY_MS);
  useEffect(() => onProblem(problem), [problem]);
  const isCurrent = value !== null && value.from === from && value.to === to && value.company_id === company;
  return (
    <>
      <div class="filters">
        <fieldset class="ranges">
          <legend class="visually-hidden">Days</legend>
          {RANGES.map((each) => (
            <label key={each}>
              <input type="radio" name="range" checked={days === each} onChange={() => setDays(each)} />
              <span class="range-name">{`${each} days`}</span>
            </label>
          ))}
          <label>
            <input type="radio" name="range" checked={days === null} onChange={() => setDays(null)} />
            <span class="range-name">Custom</span>
          </label>
        </fieldset>
        {days === null && <OwnRange own={own} onChange={setOwn} />}
        <CompanyField company={company} known={value?.companies.map(({ company_id }) => company_id) ?? []} />
        <Download api={api} range={{ from, to, company }} />
      </div>
      {value === null ? (
        problem === null && <p class="loading">Loading…</p>
      ) : (
        <div aria-busy={!isCurrent} class="numbers">
          <NumbersShown numbers={value} />
        </div>
      )}
    </>
  );
}

function OwnRange(props: { own: { from: string; to: string }; onChange: (own: { from: string; to: string }) => void }) {
  const [from, setFrom] = useState(props.own.from);
  const [to, setTo] = useState(props.own.to);
  const long = (Date.parse(to) - Date.parse(from)) / 86_400_000;
  const fault =
    from === '' || to === ''
      ? 'Choose both days.'
      : long < 0
        ? 'The first day is later than the last.'
        : long >= MAX_RANGE_DAYS
          ? `At most ${MAX_RANGE_DAYS} days at once.`
          : null;
  const change = (next: { from: string; to: string }) => {
    setFrom(next.from);
    setTo(next.to);
    const span = (Date.parse(next.to) - Date.parse(next.from)) / 86_400_000;
    if (span >= 0 && span < MAX_RANGE_DAYS) props.onChange(next);
  };
  return (
    <div class="own-range">
      <label>
        From
        <input
          type="date"
          value={from}
          max={daysAgo(0)}
          onInput={(event) => change({ from: event.currentTarget.value, to })}
        />
      </label>
      <label>
        To
        <input
          type="date"
          value={to}
          max={daysAgo(0)}
          onInput={(event) => change({ from, to: event.currentTarget.value })}
        />
      </label>
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

function CompanyField({ company, known }: { company: string | null; known: readonly string[] }) {
  const id = useId();
  const [text, setText] = useState(company ?? '');
  useEffect(() => setText(company ?? ''), [company]);
  const isFault = text !== '' && !COMPANY.test(text);
  const go = () => {
    if (!isFault) location.hash = text === '' ? '#analytics' : `#analytics/${text}`;
  };
  return (
    <form
      class="company-field"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <label class="visually-hidden" for={id}>
        Company
      </label>
      <input
        id={id}
        type="search"
        placeholder="All companies"
        list={`${id}-known`}
        value={text}
        autoComplete="off"
        spellcheck={false}
        aria-invalid={isFault}
        aria-describedby={isFault ? `${id}-fault` : undefined}
        onInput={(event) => setText(event.currentTarget.value.trim())}
        onChange={go}
      />
      <datalist id={`${id}-known`}>
        {known.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {isFault && (
        <p class="fault" id={`${id}-fault`} role="alert">
          No company has such a name.
        </p>
      )}
    </form>
  );
}

function Download({ api, range }: { api: AdminApi; range: Range }) {
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  async function run(): Promise<void> {
    setIsBusy(true);
    setProblem(null);
    try {
      // By a blob: a plain link would have no token.
      const url = URL.createObjectURL(await api.csv(range));
      const link = document.createElement('a');
      link.href = url;
      link.download = `chatdrop-${range.company === null ? '' : `${range.company}-`}${range.from}-${range.to}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch (error) {
      setProblem(error instanceof AdminError ? error.message : 'It could not be downloaded.');
    }
    setIsBusy(false);
  }
  return (
    <div class="download">
      <button type="button" class="secondary" disabled={isBusy} onClick={() => void run()}>
        <Icon name="download" />
        {isBusy ? 'Downloading…' : 'CSV'}
      </button>
      {problem !== null && (
        <p class="fault" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

function NumbersShown({ numbers }: { numbers: Numbers }) {
  const { totals, days, companies } = numbers;
  const refused = sumOf(Object.values(totals.refused));
  const ofCompany = numbers.company_id === null ? '' : ` of ${numbers.company_id}`;
  const between = `${dayLong(numbers.from)} to ${dayLong(numbers.to)}, in UTC`;
  const labels = days.map(({ day }) => dayShort(day));
  const fullLabels = days.map(({ day }) => dayLong(day));
  if (totals.files + totals.uploads_begun + refused === 0)
    return (
      <div class="cards">
        <Card title={`Nothing was counted${ofCompany}`} note={between} wide>
          <Empty>Neither an upload nor a file falls into these days. Choose more of them, or another company.</Empty>
        </Card>
      </div>
    );
  return (
    <>
      <h2 class="visually-hidden">{`Numbers${ofCompany}, ${between}`}</h2>
      <dl class="figures">
        <Figure name="Files shared" value={number(totals.files)} note={bytes(totals.bytes)} />
        <Figure
          name="Saved uploads"
          value={number(totals.uploads_saved)}
          note="finished although their connection broke"
          tone={totals.uploads_saved > 0 ? 'good' : undefined}
        />
        <Figure
          name="Resumed"
          value={percent(totals.uploads_resumed, totals.uploads_begun)}
          note={`${number(totals.uploads_resumed)} of ${counted(totals.uploads_begun, 'upload')}`}
        />
        <Figure
          name="First file of a chat"
          value={totals.first_file_median_seconds === null ? '–' : seconds(totals.first_file_median_seconds)}
          note={`median of ${counted(totals.first_file_chats, 'chat')}`}
        />
        <Figure name="Refused" value={number(refused)} note="uploads" />
        <Figure
          name="Not finished"
          value={number(totals.uploads_cancelled + totals.uploads_expired)}
          note={`${number(totals.uploads_cancelled)} cancelled, ${number(totals.uploads_expired)} out of time`}
        />
      </dl>
      <div class="cards">
        <Card title={`Files a day${ofCompany}`} note={between} wide>
          <ColumnChart
            name="Files a day, by kind"
            of="Day"
            labels={labels}
            fullLabels={fullLabels}
            series={FILE_KINDS.map((kind) => ({
              name: KIND_WORDS[kind],
              colour: `var(--kind-${kind})`,
              values: days.map(({ kinds }) => kinds[kind]),
            })).filter(({ values }) => sumOf(values) > 0)}
          />
        </Card>
        <Card title="Resumed uploads" note="On the day on which they began.">
          <ColumnChart
            name="Resumed uploads, by day"
            of="Day"
            labels={labels}
            fullLabels={fullLabels}
            series={[
              { name: 'Saved', colour: 'var(--good)', values: days.map(({ uploads_saved }) => uploads_saved) },
              {
                name: 'Resumed, not finished',
                colour: 'var(--warn)',
                values: days.map(({ uploads_resumed, uploads_saved }) => Math.max(0, uploads_resumed - uploads_saved)),
              },
            ]}
          />
        </Card>
        <Card title="Time to the first file" note="From a chat’s first upload to its first shared file.">
          {numbers.first_file_steps.length === 0 ? (
            <Empty>No chat got its first file in these days.</Empty>
          ) : (
            <ColumnChart
              name="Chats by the time to their first file"
              of="Within"
              labels={numbers.first_file_steps.map(({ up_to_seconds }) => stepOf(up_to_seconds, false))}
              fullLabels={numbers.first_file_steps.map(({ up_to_seconds }) => stepOf(up_to_seconds, true))}
              series={[
                { name: 'Chats', colour: 'var(--accent)', values: numbers.first_file_steps.map(({ chats }) => chats) },
              ]}
            />
          )}
        </Card>
        <Card title="Why uploads were refused">
          {refused === 0 ? (
            <Empty>None was refused in these days.</Empty>
          ) : (
            <Bars
              colour="var(--danger)"
              bars={Object.entries(totals.refused)
                .filter(([, count]) => count > 0)
                .sort(([, one], [, other]) => other - one)
                .map(([code, count]) => ({ key: code, label: reason(code), value: count, says: number(count) }))}
            />
          )}
        </Card>
        {numbers.company_id === null && (
          <Card
            title="Companies"
            note={
              numbers.companies_count > companies.length
                ? `The ${companies.length} with most files, of ${number(numbers.companies_count)}. The CSV has all.`
                : undefined
            }
          >
            <Table
              name="Companies"
              head={['Company', 'Files', 'Size', 'Uploads', 'Saved', 'Refused']}
              numbers={[1, 2, 3, 4, 5]}
            >
              {companies.map((each) => (
                <tr key={each.company_id}>
                  <th scope="row">
                    <CompanyLink company={each.company_id} />
                  </th>
                  <td data-number>{number(each.files)}</td>
                  <td data-number>{bytes(each.bytes)}</td>
                  <td data-number>{number(each.uploads_begun)}</td>
                  <td data-number>{number(each.uploads_saved)}</td>
                  <td data-number>{number(each.refused)}</td>
                </tr>
              ))}
            </Table>
          </Card>
        )}
      </div>
    </>
  );
}

function stepOf(upTo: number | null, isFull: boolean): string {
  if (upTo === null) return isFull ? 'more than a day' : '> 1 d';
  return isFull ? `up to ${duration(upTo)}` : duration(upTo);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
