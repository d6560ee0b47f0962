/** One language made ready to speak: sentences with their values in place, numbers and dates in its own habit. */
import type { Dictionary, Key, LabelKey, PluralForms, Strings, Values } from './dictionary.ts';
import { type Formats, formatsOf } from './formats.ts';

export type Words = Formats & {
  /** A BCP 47 tag, for `lang`. */
  locale: string;
  /** For `dir`. */
  dir: 'ltr' | 'rtl';
  /** A plain label. */
  label(key: LabelKey): string;
  /** A sentence as plain text: for attributes, and where nothing in it has markup. Names in it are isolated. */
  text<K extends Key>(key: K, values: Values<K>): string;
  /** A sentence in pieces, in the language's own order: for values with markup, such as a name in a `<bdi>`. */
  pieces<K extends Key, T>(key: K, values: Values<K, T>): (string | T)[];
  /** Separate facts in a row, "3 MB · paused"; empty ones are left out. */
  facts(...facts: (string | null)[]): string;
};

/** Languages written from right to left; `Intl.Locale.textInfo` is not there in every browser. */
const RTL_LANGUAGES = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi']);
/** Hebrew to Arabic Extended and their presentation forms, the plane of old RTL scripts, and the controls of direction. */
const RTL_CHARACTERS =
  /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';

/**
 * `locale` is the person's own tag (`de-AT`): numbers and dates follow it, the sentences come from `dictionary`.
 * `strings` replaces single sentences; a site writes them, so what is none is left out.
 */
export function createWords(locale: string, dictionary: Dictionary, strings?: Strings | null): Words {
  const formats = formatsOf(locale);
  let plurals: Intl.PluralRules | undefined;
  const entries: Dictionary = { ...dictionary, ...sentencesOf(strings) };
  const dir = RTL_LANGUAGES.has(new Intl.Locale(locale).language) ? 'rtl' : 'ltr';

  function templateOf(key: Key, values: Record<string, unknown>): string {
    const entry: string | PluralForms = entries[key];
    if (typeof entry === 'string') return entry;
    plurals ??= new Intl.PluralRules(locale);
    return entry[plurals.select(Number(values.count))] ?? entry.other;
  }

  /**
   * A file called "‮fdp.exe" or an Arabic name must not turn round what stands beside it. Where everything is
   * left to right there is nothing to isolate, and the text stays free of invisible characters.
   */
  function isolated(text: string): string {
    const isPlain = dir === 'ltr' && !RTL_CHARACTERS.test(text);
    return isPlain ? text : `${FIRST_STRONG_ISOLATE}${text}${POP_ISOLATE}`;
  }

  function pieces<T>(key: Key, values: Record<string, string | number | T>): (string | T)[] {
    return splitTemplate(templateOf(key, values)).map((part) => {
      if (typeof part === 'string') return part;
      const value = values[part.name];
      if (typeof value === 'number') return formats.number(value);
      return typeof value === 'string' ? isolated(value) : (value as T);
    });
  }

  return {
    ...formats,
    locale,
    dir,
    label: (key) => templateOf(key, {}),
    text: (key, values) => pieces(key, values).join(''),
    pieces,
    facts: (...facts) =>
      facts
        .filter((fact): fact is string => fact !== null && fact !== '')
        .map(isolated)
        .join(' · '),
  };
}

function sentencesOf(strings: Strings | null | undefined): Strings {
  return Object.fromEntries(
    Object.entries(strings ?? {}).filter(
      ([, entry]: [string, unknown]) =>
        typeof entry === 'string' || typeof (entry as PluralForms | null | undefined)?.other === 'string',
    ),
  );
}

/** "Go on with {name}" → "Go on with ", {name: "name"}. */
function splitTemplate(template: string): (string | { name: string })[] {
  return template
    .split(/\{(\w+)\}/)
    .map((part, index) => (index % 2 === 1 ? { name: part } : part))
    .filter((part) => part !== '');
}
