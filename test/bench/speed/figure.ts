/** What a work that is not a comparison of speeds gives: figures, each on a line of its own. */

export type Figure = {
  server: string;
  what: string;
  value: number;
  unit: string;
};

/** The value at this share of the samples, by nearest rank. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function latencies(server: string, what: string, milliseconds: readonly number[]): Figure[] {
  return [
    { server, what: `${what}, p50`, value: quantile(milliseconds, 0.5), unit: 'ms' },
    { server, what: `${what}, p99`, value: quantile(milliseconds, 0.99), unit: 'ms' },
  ];
}
