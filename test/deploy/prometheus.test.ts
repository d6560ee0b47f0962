/** The dashboard and the alerts, asked of a real Prometheus that scrapes a real server with a scanner that goes away. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { startClamd, type TestClamd } from '../services/clamd.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { liveThrough, METRICS_TOKEN, readMetrics, type Samples } from '../services/metrics.ts';
import { promtool, startPrometheus, type TestPrometheus } from '../services/prometheus.ts';
import { create, patch } from '../services/tus-wire.ts';

type Rule = { alert: string; expr: string; annotations: Record<string, string> };
type Panel = { title: string; description?: string; targets?: { expr: string; legendFormat: string }[] };
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const rules: Rule[] = parse(read('deploy/prometheus/chatdrop.rules.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const panels: Panel[] = JSON.parse(read('deploy/grafana/chatdrop.json')).panels;
const queries = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));
const filledIn = (expr: string) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');

let clamd: TestClamd;
let server: Chatdrop;
let prometheus: TestPrometheus;
let samples: Samples;
let room: Awaited<ReturnType<typeof liveThrough>>;

beforeAll(async () => {
  clamd = await startClamd();
  server = await startChatdrop({ env: { METRICS_TOKEN, CLAMAV_URL: clamd.url } });
  room = await liveThrough(server.baseUrl);
  await clamd.stop();
  const { visitor: token } = newChatRoom();
  const file = pngFile({ bytes: 3000 });
  const owed = await create({ baseUrl: server.baseUrl, token, length: file.length });
  expect((await create({ baseUrl: server.baseUrl, token, body: file })).status).toBe(503);
  expect((await patch({ url: owed.url, token, offset: 0, body: file })).status).toBe(503);
  samples = await eventually('what is owed is seen', async () => {
    const seen = await readMetrics(server.baseUrl);
    return (seen.value('chatdrop_queue_jobs', { queue: 'finish_upload' }) ?? 0) > 0 && seen;
  });
  prometheus = await startPrometheus(new URL(server.baseUrl).host, METRICS_TOKEN);
  await eventually('it has scraped the server', async () => (await prometheus.query('chatdrop_build_info')).length > 0);
});
afterAll(async () => {
  room?.close();
  await prometheus?.stop();
  await server?.stop();
  await clamd?.close();
});

/** Of series that Prometheus adds itself. */
const ITS_OWN = ['up', 'instance', 'job', 'le'];

function namesIn(expr: string): { metrics: string[]; labels: string[] } {
  const metrics = [...expr.matchAll(/\b(?:chatdrop|nodejs|process)_\w+/g)].map(([name]) => name);
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
  const matched = [...expr.matchAll(/(\w+)(?:=~|!=|=)"/g)].map(([, name = '']) => name);
  return { metrics, labels: [...grouped, ...matched].filter((label) => !ITS_OWN.includes(label)) };
}

describe('the dashboard', () => {
  test('each query is of metrics and labels that a server has, and shows what it groups by', () => {
    expect(queries.length).toBeGreaterThan(30);
    for (const { title, expr, legendFormat } of queries) {
      const { metrics, labels } = namesIn(expr);
      expect([title, metrics.length > 0]).toEqual([title, true]);
      for (const name of metrics) expect([title, name, samples.names().has(name)]).toEqual([title, name, true]);
      const known = metrics.flatMap((name) => samples.labelsOf(name).flatMap(Object.keys));
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      for (const label of [...labels, ...shown].filter((of) => !ITS_OWN.includes(of)))
        expect([title, label, known.includes(label)]).toEqual([title, label, true]);
    }
  });

  test('Prometheus answers each of them, with a number', async () => {
    await eventually('there are two scrapes, so that there is a rate', async () => {
      const empty: string[] = [];
      for (const { title, expr } of queries)
        if ((await prometheus.query(filledIn(expr))).length === 0) empty.push(`${title}: ${expr}`);
      expect(empty).toEqual([]);
      return true;
    });
  });

  test('every panel says what it shows', () => {
    for (const { title, description, targets } of panels)
      if (targets) expect([title, description?.length]).toEqual([title, expect.any(Number)]);
  });
});

describe('the alerts', () => {
  test('each is of metrics and labels that a server has, and says what is wrong, what to do and where to read on', () => {
    for (const { alert, expr, annotations } of rules) {
      const { metrics, labels } = namesIn(expr);
      for (const name of metrics) expect([alert, name, samples.names().has(name)]).toEqual([alert, name, true]);
      const known = metrics.flatMap((name) => samples.labelsOf(name).flatMap(Object.keys));
      for (const label of labels) expect([alert, label, known.includes(label)]).toEqual([alert, label, true]);
      for (const word of ['summary', 'next_step'])
        expect([alert, annotations[word]]).toEqual([alert, expect.stringMatching(/\.$/)]);
      expect(annotations.runbook).toMatch(/^docs\/runbooks\.md#[a-z-]+$/);
    }
  });

  test('the scanner’s and the server’s fire when they are away, and no other that tells of an outage', async () => {
    const firing = await eventually('the scanner’s alert fires', async () => {
      const names = await prometheus.firing();
      return names.includes('ChatdropScannerAway') && names;
    });
    for (const name of [
      'ChatdropServerAway',
      'ChatdropStorageErrors',
      'ChatdropDatabaseErrors',
      'ChatdropInfectedFiles',
    ])
      expect(firing).not.toContain(name);
    await server.kill('SIGTERM');
    await eventually('the server’s alert fires', async () =>
      (await prometheus.firing()).includes('ChatdropServerAway'),
    );
  });
});

test('promtool finds no fault in the rules, the configuration, and what a server says', async () => {
  expect(await promtool(['check', 'rules', 'chatdrop.rules.yml'])).toContain(`SUCCESS: ${rules.length} rules found`);
  expect(await promtool(['check', 'config', '--syntax-only', 'prometheus.yml'])).toContain('SUCCESS');
  // Names that Node's own metrics have had for long are prom-client's.
  const ours = samples.text.split('\n').filter((line) => /^(?:# (?:HELP|TYPE) )?chatdrop_/.test(line));
  expect(await promtool(['check', 'metrics'], `${ours.join('\n')}\n`)).toBe('');
});
