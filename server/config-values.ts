/** Reads one setting's text: sizes, durations, ports, lists. Each reader throws a sentence that says the fault. */
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

const SIZE_UNITS: Record<string, number> = { '': 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };
const DURATION_UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `25MB` → bytes. Units are powers of 1024. */
export function readSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?B)?$/i.exec(text);
  const unit = SIZE_UNITS[(match?.[2] ?? '').toUpperCase()];
  const bytes = match && unit ? Math.floor(Number(match[1]) * unit) : Number.NaN;
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw new Error('is not a size');
  return bytes;
}

/** `24h` → seconds. At least one second, at most ten years. */
export function readDuration(text: string): number {
  const match = /^(\d+)\s*([smhd])$/.exec(text);
  const seconds = match ? Number(match[1]) * (DURATION_UNITS[match[2] as string] ?? Number.NaN) : Number.NaN;
  if (!(seconds >= 1 && seconds <= 10 * 365 * 86_400)) throw new Error('is not a duration');
  return seconds;
}

/** A whole number within bounds, both inclusive. */
export function readInteger(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`is not a whole number from ${min} to ${max}`);
    return value;
  };
}

/** `true/false`, `1/0`, `yes/no`, `on/off`, as the original settings were written (`True`, `False`). */
export function readBoolean(text: string): boolean {
  const value = text.toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(value)) return true;
  if (['false', '0', 'no', 'off', ''].includes(value)) return false;
  throw new Error('is neither true nor false');
}

/** `a, b` → `['a', 'b']`; each entry is checked by `readEntry`. */
export function readList(readEntry: (entry: string) => string): (text: string) => string[] {
  return (text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map(readEntry);
}

/** `1`: so many proxies; or a list of their addresses, networks (`10.0.0.0/8`) and the names that proxy-addr knows. */
export function readTrustProxy(text: string): number | string[] {
  if (/^\d+$/.test(text)) return readInteger(0, MAX_PROXIES)(text);
  return readAddresses(text);
}

/** Addresses, networks (`10.0.0.0/8`) and the names that proxy-addr knows. */
export function readAddresses(text: string): string[] {
  const addresses = readList((entry) => {
    const [address = '', ...range] = entry.split('/');
    const isNetwork = range.length === 0 || (range.length === 1 && /^\d+$/.test(range[0] ?? ''));
    if (!PROXY_NAMES.includes(entry) && (isIP(address) === 0 || !isNetwork))
      throw new Error(`holds “${entry}”, which is no address, network or name (${PROXY_NAMES.join(', ')})`);
    return entry;
  })(text);
  if (addresses.length === 0) throw new Error('is empty');
  try {
    proxyAddr.compile(addresses);
  } catch (cause) {
    throw new Error('holds a network whose range is not valid', { cause });
  }
  return addresses;
}

const MAX_PROXIES = 10;
const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal'];

/** One of a closed list. */
export function readChoice<T extends string>(...choices: T[]): (text: string) => T {
  return (text) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw new Error(`is none of ${choices.join(', ')}`);
    return choice;
  };
}

/** An http(s) origin, without path: `https://files.example.com`. */
export function readOrigin(text: string): string {
  const url = readHttpUrl(text);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw new Error('is not an origin: leave the path out');
  return url.origin;
}

/** An absolute http(s) address, without the last slash. */
export function readBaseUrl(text: string): string {
  const url = readHttpUrl(text);
  if (url.search !== '' || url.hash !== '') throw new Error('must have no query and no fragment');
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

/** Any http(s) address, its query included. */
export function readUrl(text: string): string {
  const url = readHttpUrl(text);
  if (url.hash !== '') throw new Error('must have no fragment');
  return url.href;
}

function readHttpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw new Error('is not an http or https address');
  if (url.username !== '' || url.password !== '') throw new Error('must hold no user name or password');
  return url;
}

/** A secret of at least 32 bytes. The text is never part of the fault. */
export function readSecret(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes < 32) throw new Error(`has ${bytes} bytes; at least 32 are needed`);
  return text;
}

/** Any text that is not empty. */
export function readText(text: string): string {
  if (text.trim() === '') throw new Error('is empty');
  return text.trim();
}
