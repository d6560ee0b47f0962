/** Numbers, sizes, durations and dates as a language writes them. */

const SIZE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const DAY_MS = 86_400_000;

export type Formats = {
  number(value: number): string;
  /** "pictures, PDF, and text" */
  list(items: string[]): string;
  /** "3.1 MB": powers of 1024, as the server's settings count them. */
  bytes(bytes: number): string;
  /** "3.1 MB/s" */
  speed(bytesPerSecond: number): string;
  /** "62%", rounded down: 100% is said only when it is all there. */
  percent(part: number, whole: number | null): string;
  /** "8 sec", "2 min", "1 hr 5 min"; at least a second. */
  duration(seconds: number): string;
  /** "0:05", "1:02:03": how long something plays or records. */
  clock(seconds: number): string;
  /** The time of day. */
  time(date: Date): string;
  /** "Today", "Yesterday" or the date. */
  day(date: Date, today?: Date): string;
};

/** A whole number from 0 to 100; an empty file counts as complete, an unknown size as 0. */
export function percentOf(part: number, whole: number | null): number {
  if (whole === null) return 0;
  return whole === 0 ? 100 : Math.min(100, Math.floor((part / whole) * 100));
}

/** By language: all widgets of a page share them. */
const madeFormats = new Map<string, Formats>();

/** `locale` with its region, if the person has one: it decides on clock, digits and calendar. */
export function formatsOf(locale: string): Formats {
  const made = madeFormats.get(locale) ?? createFormats(locale);
  madeFormats.set(locale, made);
  return made;
}

function createFormats(locale: string): Formats {
  // Making an Intl object costs far more than using it, and most people never see a terabyte: made when first needed.
  const once = createOnce();

  const unitFormat = (unit: string, options: Intl.NumberFormatOptions) =>
    once(
      `${unit} ${options.unitDisplay} ${options.maximumFractionDigits}`,
      () => new Intl.NumberFormat(locale, { style: 'unit', unit, ...options }),
    );

  function size(bytes: number, suffix: '' | '-per-second'): string {
    let value = bytes;
    let step = 0;
    while (value >= 1023.95 && step < SIZE_UNITS.length - 1) {
      value /= 1024;
      step += 1;
    }
    const format = unitFormat(`${SIZE_UNITS[step]}${suffix}`, {
      unitDisplay: step === 0 ? 'long' : 'short',
      maximumFractionDigits: step < 2 || value >= 100 ? 0 : 1,
    });
    return unbroken(format.format(value));
  }

  const unit = (name: string, value: number) =>
    unbroken(unitFormat(name, { unitDisplay: 'short', maximumFractionDigits: 0 }).format(value));
  const number = (value: number) => once('number', () => new Intl.NumberFormat(locale)).format(value);
  const twoDigits = (value: number) =>
    once('two digits', () => new Intl.NumberFormat(locale, { minimumIntegerDigits: 2 })).format(value);

  return {
    number,
    list: (items) => once('list', () => new Intl.ListFormat(locale, { type: 'conjunction' })).format(items),
    bytes: (bytes) => size(bytes, ''),
    speed: (bytesPerSecond) => size(bytesPerSecond, '-per-second'),
    percent: (part, whole) =>
      once('percent', () => new Intl.NumberFormat(locale, { style: 'percent' })).format(percentOf(part, whole) / 100),
    duration(seconds) {
      const whole = Math.max(1, Math.ceil(seconds));
      if (whole < 60) return unit('second', whole);
      const minutes = Math.round(whole / 60);
      if (minutes < 60) return unit('minute', minutes);
      const parts = [unit('hour', Math.floor(minutes / 60))];
      if (minutes % 60 > 0) parts.push(unit('minute', minutes % 60));
      return once('units', () => new Intl.ListFormat(locale, { type: 'unit', style: 'narrow' })).format(parts);
    },
    clock(seconds) {
      const whole = Math.max(0, Math.floor(seconds));
      const hours = Math.floor(whole / 3600);
      const minutes = Math.floor(whole / 60) % 60;
      const tail = twoDigits(whole % 60);
      return hours === 0 ? `${number(minutes)}:${tail}` : `${number(hours)}:${twoDigits(minutes)}:${tail}`;
    },
    time: (date) =>
      once('time', () => new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' })).format(date),
    day(date, today = new Date()) {
      const daysAgo = Math.round((midnight(today) - midnight(date)) / DAY_MS);
      if (daysAgo !== 0 && daysAgo !== 1) {
        return once('date', () => new Intl.DateTimeFormat(locale, { dateStyle: 'long' })).format(date);
      }
      const relative = once('day', () => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }));
      return capitalized(relative.format(-daysAgo || 0, 'day'), locale);
    },
  };
}

/** A number and its unit stay on one line. */
function unbroken(text: string): string {
  return text.replaceAll(' ', '\u00a0');
}

/** Remembers by name what was made. */
function createOnce(): <T>(name: string, make: () => T) => T {
  const made = new Map<string, unknown>();
  return <T>(name: string, make: () => T): T => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name) as T;
  };
}

function midnight(day: Date): number {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}

/** Intl gives these words as they stand inside a sentence; here they stand alone. */
function capitalized(text: string, locale: string): string {
  const [first = '', ...rest] = text;
  return first.toLocaleUpperCase(locale) + rest.join('');
}
