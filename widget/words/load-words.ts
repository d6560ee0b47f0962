/** Finds the words for one widget: English at once, any other language as a chunk of its own. */
import { createWords, type Words } from './create-words.ts';
import type { Dictionary, Strings } from './dictionary.ts';
import { en } from './en.ts';
import { type ResolvedLocale, resolveLocale, type Translation } from './locales.ts';

export type WordsWish = {
  /** What the site asks for; else the browser's languages decide. */
  locale?: string | null | undefined;
  /** Sentences of the site's own, for single keys, in whatever language is chosen. */
  strings?: Strings | undefined;
};

type Load = () => Promise<{ dictionary: Dictionary }>;

const LOADERS: Record<Translation, Load> = {
  ar: () => import('./locales/ar.ts'),
  cs: () => import('./locales/cs.ts'),
  de: () => import('./locales/de.ts'),
  es: () => import('./locales/es.ts'),
  fa: () => import('./locales/fa.ts'),
  fr: () => import('./locales/fr.ts'),
  he: () => import('./locales/he.ts'),
  hi: () => import('./locales/hi.ts'),
  it: () => import('./locales/it.ts'),
  ja: () => import('./locales/ja.ts'),
  ko: () => import('./locales/ko.ts'),
  nl: () => import('./locales/nl.ts'),
  pl: () => import('./locales/pl.ts'),
  'pt-BR': () => import('./locales/pt-br.ts'),
  ru: () => import('./locales/ru.ts'),
  tr: () => import('./locales/tr.ts'),
  uk: () => import('./locales/uk.ts'),
  'zh-CN': () => import('./locales/zh-cn.ts'),
};

/** A few kilobytes come in less, or the network is so bad that English now is better than the right words later. */
const MAX_WAIT_MS = 4000;

/** The words if they are here already (English, or without a browser to ask), else null. */
export function wordsAtOnce(wish: WordsWish): Words | null {
  const locale = localeOf(wish);
  return locale.translation === null ? createWords(locale.tag, en, wish.strings) : null;
}

/** Never rejects and never takes longer than `MAX_WAIT_MS`: what cannot be loaded is said in English. */
export async function loadWords(wish: WordsWish, loaders: Record<Translation, Load> = LOADERS): Promise<Words> {
  const { translation, tag } = localeOf(wish);
  const dictionary = translation === null ? null : await inTime(loaders[translation]);
  if (dictionary !== null) return createWords(tag, dictionary, wish.strings);
  return createWords(translation === null ? tag : 'en', en, wish.strings);
}

function localeOf({ locale }: WordsWish): ResolvedLocale {
  if (locale) return resolveLocale([locale]);
  return resolveLocale(typeof navigator === 'undefined' ? [] : navigator.languages);
}

async function inTime(load: Load): Promise<Dictionary | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), MAX_WAIT_MS);
  });
  const loaded = load().then(
    ({ dictionary }) => dictionary,
    () => null,
  );
  return await Promise.race([loaded, tooLate]).finally(() => clearTimeout(timer));
}
