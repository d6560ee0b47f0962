/** Figures for people: a row each, numbers in columns. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function printTable(title: string, rows: readonly Record<string, string>[]): void {
  const names = Object.keys(rows[0] ?? {});
  const widthOf = (name: string) => Math.max(name.length, ...rows.map((row) => (row[name] ?? '').length));
  const line = (cells: readonly string[]) =>
    `${cells.map((cell, at) => cell.padStart(widthOf(names[at] ?? ''))).join('  ')}\n`;
  process.stdout.write(`\n${title}\n`);
  process.stdout.write(line(names));
  for (const row of rows) process.stdout.write(line(names.map((name) => row[name] ?? '')));
}
