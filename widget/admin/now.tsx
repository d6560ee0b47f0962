/** The page's first part: how the server is right now. Asks again every few seconds. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import type { JobOverview } from '../../server/contract/admin.ts';
import type { Health, Overview } from '../../server/contract/operator.ts';
import { ColumnChart } from './column-chart.tsx';
import { LiveUploads } from './live-uploads.tsx';
import { Bars, Card, CompanyLink, Empty, Figure, Table } from './parts.tsx';
import { age, bytes, counted, dayLong, dayShort, duration, fullTime, number, reason } from './say.ts';

const PART_NAMES = {
  database: 'Database',
  storage: 'Storage',
  scanner: 'Virus scanner',
  redis: 'Redis',
  nodes: 'Nodes',
} as const;
const STATE_WORDS = { works: 'Works', away: 'Away', off: 'Not used' } as const;
const TONES = { works: 'good', away: 'bad', off: 'none' } as const;
/** Of a disk: below it is time to do something. */
const SCARCE_SHARE = 0.1;
const AGE_WORDS: Record<string, string> = {
  1: 'This week',
  4: 'Last 4 weeks',
  13: 'Last 3 months',
  26: 'Last 6 months',
  52: 'Last year',
  null: 'Older',
};
const JOB_WORDS: Record<string, string> = {
  'finish upload': 'Uploads to finish',
  'expire upload': 'Uploads to end, their time is over',
  'discard upload': 'Bytes of ended uploads to delete',
  'delete object': 'Bytes of removed files to delete',
  'make preview': 'Previews to make',
  deletion: 'Deletions under way',
};
const JOB_STATES = { due: 'Due', running: 'Running', waiting: 'Waits' } as const;

export function Now({
  health,
  overview,
  jobs,
}: {
  health: Health | null;
  overview: Overview | null;
  jobs: JobOverview | null;
}) {
  return (
    <>
      {health !== null && <HealthStrip health={health} />}
      {overview === null ? (
        <p class="loading">Loading…</p>
      ) : (
        <>
          <Figures overview={overview} jobs={jobs} />
          <div class="cards">
            <LiveUploads at={overview.at} live={overview.live} />
            <div class="column">
              <Failures failures={overview.failures} at={overview.at} />
              {jobs !== null && <Jobs report={jobs} at={overview.at} />}
            </div>
            <div class="column">
              <Storage storage={overview.storage} />
              <Quarantine quarantine={overview.quarantine} at={overview.at} />
            </div>
          </div>
        </>
      )}
    </>
  );
}

function HealthStrip({ health }: { health: Health }) {
  const [files, data] = health.disks;
  // One and the same disk, most of the time.
  const isOne = files !== undefined && data !== undefined && files.total_bytes === data.total_bytes;
  return (
    <section aria-label="Health" class="health">
      <ul>
        {health.parts
          .filter(({ name, state }) => state !== 'off' || name === 'scanner')
          .map(({ name, state, detail, ms }) => (
            <Part key={name} name={PART_NAMES[name]} says={STATE_WORDS[state]} tone={TONES[state]}>
              {state === 'off' ? 'CLAMAV_URL is not set' : detail}
              {ms !== null && `, ${ms < 1 ? 'under 1' : number(ms)} ms`}
            </Part>
          ))}
        {health.disks.slice(isOne ? 1 : 0).map(({ holds, free_bytes, total_bytes }) => (
          <Part
            key={holds}
            name={isOne ? 'Disk' : holds === 'files' ? 'Disk of the files' : 'Disk of the data'}
            says={`${bytes(free_bytes)} free`}
            tone={free_bytes < total_bytes * SCARCE_SHARE ? 'bad' : 'good'}
          >
            {`of ${bytes(total_bytes)}`}
          </Part>
        ))}
        <Part name="Server" says={`Version ${health.version}`} tone="good">
          {`up for ${duration(health.uptime_seconds)}`}
        </Part>
      </ul>
    </section>
  );
}

function Part(props: { name: string; says: string; tone: 'good' | 'bad' | 'none'; children: ComponentChildren }) {
  return (
    <li data-tone={props.tone}>
      <span class="health-name">{props.name}</span>
      <span class="health-state">{props.says}</span>
      <small>{props.children}</small>
    </li>
  );
}

function Figures({ overview, jobs }: { overview: Overview; jobs: JobOverview | null }) {
  const { live, failures, storage } = overview;
  const today = failures.days.at(-1);
  const yesterday = failures.days.at(-2);
  const owed = jobs === null ? null : sumOf(Object.values(jobs.counts));
  const tried = jobs?.jobs.filter(({ last_error }) => last_error !== null).length ?? 0;
  return (
    <dl class="figures">
      <Figure
        name="On their way"
        value={`${number(live.uploading.count + live.checking.count)}${live.uploading.is_more ? '+' : ''}`}
        note={live.checking.count > 0 ? `${number(live.checking.count)} being checked` : 'uploads'}
      />
      <Figure
        name="Refused today"
        value={number(sumOf(Object.values(today?.refused ?? {})))}
        note={`${number(sumOf(Object.values(yesterday?.refused ?? {})))} yesterday`}
      />
      <Figure
        name="Stored"
        value={bytes(storage.bytes)}
        note={`of ${counted(storage.companies_count, 'company', 'companies')}`}
      />
      <Figure
        name="Owed work"
        value={owed === null ? '–' : number(owed)}
        note={tried > 0 ? `${number(tried)} failed before` : 'nothing failed'}
        tone={tried > 0 ? 'bad' : undefined}
      />
    </dl>
  );
}

function Failures({ failures: { days, latest }, at }: { failures: Overview['failures']; at: string }) {
  const reasons = reasonsOf(days);
  const total = sumOf(reasons.map(({ week }) => week));
  return (
    <Card title="Uploads that failed" note="The last seven days, in UTC.">
      {total === 0 ? (
        <Empty>No upload failed in the last seven days.</Empty>
      ) : (
        <>
          <ColumnChart
            name="Uploads that failed, by day"
            of="Day"
            labels={days.map(({ day }) => dayShort(day))}
            fullLabels={days.map(({ day }) => dayLong(day))}
            series={[
              {
                name: 'Refused',
                colour: 'var(--danger)',
                values: days.map(({ refused }) => sumOf(Object.values(refused))),
              },
              { name: 'Not finished in time', colour: 'var(--warn)', values: days.map(({ expired }) => expired) },
              { name: 'Cancelled', colour: 'var(--ink-muted)', values: days.map(({ cancelled }) => cancelled) },
            ]}
          />
          <Table name="Failures by reason" head={['Reason', 'Today', '7 days']} numbers={[1, 2]}>
            {reasons.map(({ code, words, today, week }) => (
              <tr key={code}>
                <th scope="row">{words}</th>
                <td data-number>{number(today)}</td>
                <td data-number>{number(week)}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
      {latest.length > 0 && (
        <>
          <h3>Refused after they had begun</h3>
          <Table
            name="Refused after they had begun"
            head={['File', 'Company', 'Reason', 'Size', 'Began']}
            numbers={[3, 4]}
          >
            {latest.map((upload) => (
              <tr key={upload.id}>
                <th scope="row" class="file-cell">
                  <bdi>{upload.name === '' ? 'Deleted' : upload.name}</bdi>
                </th>
                <td>
                  <CompanyLink company={upload.company_id} />
                </td>
                <td class="reason-cell">{reason(upload.code)}</td>
                <td data-number>{upload.size === null ? '–' : bytes(upload.size)}</td>
                <td data-number title={fullTime(upload.created_at)}>{`${age(upload.created_at, at)} ago`}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </Card>
  );
}

/** Most frequent first. */
function reasonsOf(days: Overview['failures']['days']) {
  const last = days.at(-1);
  const codes = new Set(days.flatMap(({ refused }) => Object.keys(refused)));
  const rows = [...codes].map((code) => ({
    code,
    words: reason(code),
    today: last?.refused[code] ?? 0,
    week: sumOf(days.map(({ refused }) => refused[code] ?? 0)),
  }));
  const ended = [
    {
      code: 'expired',
      words: 'Not finished in time',
      today: last?.expired ?? 0,
      week: sumOf(days.map((day) => day.expired)),
    },
    {
      code: 'cancelled',
      words: 'Cancelled',
      today: last?.cancelled ?? 0,
      week: sumOf(days.map((day) => day.cancelled)),
    },
  ];
  return [...rows, ...ended].filter(({ week }) => week > 0).sort((one, other) => other.week - one.week);
}

function Storage({ storage }: { storage: Overview['storage'] }) {
  const files = sumOf(storage.ages.map((each) => each.files));
  return (
    <Card
      title="Storage"
      note={
        storage.bytes === 0 ? undefined : `${counted(files, 'file')}, ${bytes(storage.bytes)} with what is on its way.`
      }
    >
      {storage.companies.length === 0 ? (
        <Empty>Nothing is stored yet.</Empty>
      ) : (
        <>
          <h3>By company</h3>
          <Bars
            bars={storage.companies.slice(0, 8).map(({ company_id, bytes: held }) => ({
              key: company_id,
              label: <CompanyLink company={company_id} />,
              value: held,
              says: bytes(held),
            }))}
          />
          {storage.companies_count > 8 && (
            <p class="note">{`The largest 8 of ${number(storage.companies_count)} companies.`}</p>
          )}
          <h3>By age of the files</h3>
          <Bars
            colour="var(--kind-audio)"
            bars={storage.ages.map(({ weeks, files: many, bytes: size }) => ({
              key: String(weeks),
              label: AGE_WORDS[String(weeks)],
              value: size,
              says: `${bytes(size)} in ${counted(many, 'file')}`,
            }))}
          />
        </>
      )}
    </Card>
  );
}

function Quarantine({
  quarantine: { is_scanning, infections },
  at,
}: {
  quarantine: Overview['quarantine'];
  at: string;
}) {
  return (
    <Card
      title="Quarantine"
      note={infections.length > 0 ? 'Nobody can get these files: their bytes are deleted.' : undefined}
    >
      {infections.length === 0 ? (
        <Empty>
          {is_scanning
            ? 'No infected file was found. What waits for the scanner stands under live uploads.'
            : 'Files are not scanned for viruses: CLAMAV_URL is not set.'}
        </Empty>
      ) : (
        <Table name="Infected files" head={['File', 'Company', 'What was found', 'Size', 'Found']} numbers={[3, 4]}>
          {infections.map(({ company_id, session_id, name, signature, size, found_at }) => (
            <tr key={`${company_id} ${session_id} ${name} ${found_at}`}>
              <th scope="row" class="file-cell">
                <bdi>{name}</bdi>
              </th>
              <td>
                <CompanyLink company={company_id} />
              </td>
              <td>
                <bdi>{signature}</bdi>
              </td>
              <td data-number>{bytes(size)}</td>
              <td data-number title={fullTime(found_at)}>{`${age(found_at, at)} ago`}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function Jobs({ report: { counts, jobs, chores }, at }: { report: JobOverview; at: string }) {
  const failing = chores.filter(({ failures }) => failures > 0);
  const owed = Object.entries(counts).filter(([, count]) => count > 0);
  return (
    <Card title="Jobs" note={owed.length > 0 ? 'Each is tried until it is done, at growing intervals.' : undefined}>
      {owed.length === 0 ? (
        <Empty>Nothing is owed: every upload is finished, every preview made, every deletion done.</Empty>
      ) : (
        <Bars
          bars={owed.map(([kind, count]) => ({
            key: kind,
            label: JOB_WORDS[kind] ?? kind,
            value: count,
            says: number(count),
          }))}
          colour="var(--ink-muted)"
        />
      )}
      {jobs.length > 0 && (
        <Table name="Jobs" head={['Job', 'State', 'Tries', 'Age', 'What went wrong']} numbers={[2, 3]}>
          {jobs.map(({ kind, key, state, attempts, since, last_error }) => (
            <tr key={`${kind} ${key}`}>
              <th scope="row" class="file-cell">
                {JOB_WORDS[kind] ?? kind}
                <small>
                  <bdi>{key}</bdi>
                </small>
              </th>
              <td>{JOB_STATES[state]}</td>
              <td data-number>{number(attempts)}</td>
              <td data-number>{since === null ? '–' : age(since, at)}</td>
              <td class="error-cell">{last_error ?? '–'}</td>
            </tr>
          ))}
        </Table>
      )}
      {failing.length > 0 && (
        <>
          <h3>Chores that fail</h3>
          <Table name="Chores that fail" head={['Chore', 'In a row', 'Last', 'What went wrong']} numbers={[1, 2]}>
            {failing.map(({ name, failures, last_error, last_failed_at }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td data-number>{number(failures)}</td>
                <td data-number>{`${age(last_failed_at, at)} ago`}</td>
                <td class="error-cell">{last_error}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </Card>
  );
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
