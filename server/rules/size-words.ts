/** A number of bytes as people say it. */

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB'];
const STEP = 1024;

/** `25 MB`, `1.5 GB`, `1 byte`: powers of 1024, at most one decimal, never more than the size itself. */
export function sizeInWords(sizeBytes: number): string {
  if (sizeBytes === 1) return '1 byte';
  let value = sizeBytes;
  let unit = 0;
  while (value >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit++;
  }
  return `${Math.floor(value * 10) / 10} ${UNITS[unit]}`;
}
