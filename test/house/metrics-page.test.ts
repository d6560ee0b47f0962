/** `docs/metrics.md` names every metric that is served, with its labels, and no other. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMetrics } from '../../server/metrics/metrics.ts';

const PAGE = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

test('every metric has a row, and every row a metric, of its kind', async () => {
  const { text } = await createMetrics({ version: '1', now: Date.now }).render();
  const served = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  const ours = [...served.keys()].filter((name) => name?.startsWith('chatdrop_'));
  const rows = [...PAGE.matchAll(/^\| `(\w+)` \|(.*?)\| (.*) \|$/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual(ours.sort());
  for (const [, name = '', labels = '', meaning = ''] of rows) {
    expect([name, labels.includes('`le`')]).toEqual([name, served.get(name) === 'histogram']);
    expect([name, meaning.startsWith('histogram: ')]).toEqual([name, served.get(name) === 'histogram']);
    expect([name, name.endsWith('_total')]).toEqual([name, served.get(name) === 'counter']);
  }
  // What else is served is Node's.
  expect([...served.keys()].filter((name) => !/^(?:chatdrop|process|nodejs)_/.test(name ?? ''))).toEqual([]);
});

test('every alert stands there, and no other', () => {
  const rules = readFileSync(new URL('../../deploy/prometheus/chatdrop.rules.yml', import.meta.url), 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const named = [...PAGE.matchAll(/^\| (`Chatdrop.*?) \|/gm)].flatMap(([, cell = '']) => [
    ...cell.matchAll(/`(\w+)`/g),
  ]);
  expect(named.map(([, name]) => name).sort()).toEqual(alerts.sort());
});
