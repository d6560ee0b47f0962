/** Which languages there are, and which of them a browser's or a site's wish comes down to. */

/** Beside English, which is always there. Each is a file in `locales/`. */
export const TRANSLATIONS = [
  'ar',
  'cs',
  'de',
  'es',
  'fa',
  'fr',
  'he',
  'hi',
  'it',
  'ja',
  'ko',
  'nl',
  'pl',
  'pt-BR',
  'ru',
  'tr',
  'uk',
  'zh-CN',
] as const;

export type Translation = (typeof TRANSLATIONS)[number];

export type ResolvedLocale = {
  /** The dictionary; null is English. */
  translation: Translation | null;
  /** The tag as it was wished for (`de-AT`), for numbers and dates. */
  tag: string;
};

/** The first of the wishes (BCP 47 tags, best first) that there is a dictionary for; English when there is none. */
export function resolveLocale(wishes: readonly (string | null | undefined)[]): ResolvedLocale {
  for (const wish of wishes) {
    const locale = wish ? parseLocale(wish) : null;
    if (locale === null) continue;
    const tag = locale.baseName;
    if (locale.language === 'en') return { translation: null, tag };
    const translation = TRANSLATIONS.find((name) => name === tag) ?? nearest(locale);
    if (translation !== undefined) return { translation, tag };
  }
  return { translation: null, tag: 'en' };
}

/** The same language of another region, as long as it is written the same way: `zh-TW` is not `zh-CN`. */
function nearest(locale: Intl.Locale): Translation | undefined {
  const { language, script } = locale.maximize();
  return TRANSLATIONS.find((name) => {
    const other = new Intl.Locale(name).maximize();
    return other.language === language && other.script === script;
  });
}

/** Also takes the underscores of other systems (`pt_BR`); null for what is no tag, or a language without data. */
function parseLocale(wish: string): Intl.Locale | null {
  try {
    return new Intl.Locale(wish.trim().replaceAll('_', '-'));
  } catch {
    return null;
  }
}
