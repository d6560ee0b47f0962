/** The dictionaries of all languages: complete, of the same shape as English, and spoken rightly. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { PROBLEMS } from '../../server/contract/problem.ts';
import type { Upload } from '../../widget/core/upload.ts';
import { createWords, type Words } from '../../widget/words/create-words.ts';
import type { Dictionary, Key, PluralForms, Strings } from '../../widget/words/dictionary.ts';
import { en } from '../../widget/words/en.ts';
import { loadWords, wordsAtOnce } from '../../widget/words/load-words.ts';
import { resolveLocale, TRANSLATIONS, type Translation } from '../../widget/words/locales.ts';
import { problemText } from '../../widget/words/problem-words.ts';
import { limitsText, uploadText } from '../../widget/words/state-words.ts';

const KEYS = Object.keys(en) as Key[];
const MIB = 1024 * 1024;

/** Words that are the same in English and there, looked at one by one. `*`: in every language. */
const SAME_AS_ENGLISH: Partial<Record<Translation | '*', Key[]>> = {
  '*': ['typePdf', 'fileState'],
  cs: ['typeText', 'typeVideo', 'oneVideo', 'oneText', 'chatTab'],
  de: [
    'uploadOf',
    'typeText',
    'typeAudio',
    'typeVideo',
    'kindVideos',
    'kindAudio',
    'sessions',
    'oneVideo',
    'oneAudio',
    'oneText',
    'playbackPosition',
    'video',
    'chatTab',
  ],
  es: ['typeAudio', 'kindAudio', 'sessions', 'oneAudio', 'chatTab'],
  fr: [
    'menu',
    'pause',
    'typeAudio',
    'kindAudio',
    'kindDocuments',
    'oneAudio',
    'oneDocument',
    'oneArchive',
    'playbackPosition',
  ],
  it: ['menu', 'typeAudio', 'typeVideo', 'kindAudio', 'fileCount', 'oneVideo', 'oneAudio', 'oneFile', 'chatTab'],
  nl: [
    'menu',
    'typeAudio',
    'typeVideo',
    'kindAudio',
    'sessions',
    'next',
    'oneVideo',
    'oneAudio',
    'oneDocument',
    'oneSheet',
    'chatTab',
  ],
  pl: ['menu', 'typeAudio', 'kindAudio'],
  'pt-BR': ['menu', 'sessions'],
  tr: ['typeVideo', 'oneVideo'],
};

/** Stand on buttons: longer ones would break the layout on a phone. */
const BUTTONS = ['chooseFiles', 'send', 'discard', 'cancel', 'close', 'keep', 'delete', 'download', 'retry'] as const;
const MAX_BUTTON_CHARACTERS = 22;

describe.each(TRANSLATIONS)('%s', (locale) => {
  test('has every key of English, and no other', async () => {
    expect(Object.keys(await dictionaryOf(locale))).toEqual(KEYS);
  });

  test('has the same values in each sentence', async () => {
    const dictionary = await dictionaryOf(locale);
    for (const key of KEYS) {
      const expected = valuesIn(Object.values(formsOf(en[key])).at(-1));
      for (const [category, template] of Object.entries(formsOf(dictionary[key]))) {
        // "one file" may be a word, as Arabic and Hebrew have it.
        const mayOmit = category === 'zero' || category === 'one' || category === 'two';
        const found = valuesIn(template);
        if (mayOmit && found.length === 0) continue;
        expect(`${key}.${category} ${found}`).toBe(`${key}.${category} ${expected}`);
      }
    }
  });

  test('has the plural forms of its language, all of them and no others', async () => {
    const dictionary = await dictionaryOf(locale);
    const { pluralCategories } = new Intl.PluralRules(locale).resolvedOptions();
    for (const key of KEYS) {
      const [entry, english] = [dictionary[key], en[key]];
      expect(typeof entry, key).toBe(typeof english);
      if (typeof entry !== 'string')
        expect([key, ...Object.keys(entry).sort()]).toEqual([key, ...pluralCategories.sort()]);
    }
  });

  test('leaves no English and no rough edges', async () => {
    const dictionary = await dictionaryOf(locale);
    const same = KEYS.filter((key) => {
      const english = Object.values(formsOf(en[key]));
      return Object.values(formsOf(dictionary[key])).some((form) => english.includes(form));
    });
    const allowed = [...(SAME_AS_ENGLISH['*'] ?? []), ...(SAME_AS_ENGLISH[locale] ?? [])];
    expect(same.filter((key) => !allowed.includes(key))).toEqual([]);
    for (const key of KEYS) {
      for (const form of Object.values(formsOf(dictionary[key]))) {
        expect(form, key).not.toMatch(/^\s|\s$|\s{2}|^$|\.{3}|'|"|[\u202a-\u202e\u2066-\u2069]/);
      }
    }
  });

  test('has short words on buttons', async () => {
    const dictionary = await dictionaryOf(locale);
    const long = BUTTONS.filter((key) => dictionary[key].length > MAX_BUTTON_CHARACTERS);
    expect(long).toEqual([]);
  });
});

describe('numbers and dates', () => {
  const today = new Date(2026, 2, 5, 9, 0);
  const yesterday = new Date(2026, 2, 4, 23, 59);
  const earlier = new Date(2026, 2, 3, 12, 0);

  test.each([
    ['en', '500 bytes', '3.1 MB', '62%', '8 sec', 'Yesterday', 'March 3, 2026'],
    ['ar', '500 بايت', '3.1 م.ب', '62%', '8 ث', 'أمس', '3 مارس 2026'],
    ['ar-EG', '٥٠٠ بايت', '٣٫١ م.ب', '٦٢٪', '٨ ث', 'أمس', '٣ مارس ٢٠٢٦'],
    ['de', '500 Byte', '3,1 MB', '62 %', '8 Sek.', 'Gestern', '3. März 2026'],
    ['fa', '۵۰۰ بایت', '۳٫۱ MB', '۶۲٪', '۸ ثانیه', 'دیروز', '۱۲ اسفند ۱۴۰۴'],
    ['fr', '500 octets', '3,1 Mo', '62 %', '8 s', 'Hier', '3 mars 2026'],
    ['ja', '500 バイト', '3.1 MB', '62%', '8 秒', '昨日', '2026年3月3日'],
    ['ru', '500 байт', '3,1 МБ', '62 %', '8 с', 'Вчера', '3 марта 2026 г.'],
    ['tr', '500 bayt', '3,1 MB', '%62', '8 sn.', 'Dün', '3 Mart 2026'],
    ['zh-CN', '500字节', '3.1 MB', '62%', '8秒', '昨天', '2026年3月3日'],
  ])('%s', (locale, bytes, megabytes, percent, duration, before, date) => {
    const words = createWords(locale, en);
    const said = [
      words.bytes(500),
      words.bytes(3.1 * MIB),
      words.percent(62, 100),
      words.duration(7.2),
      words.day(yesterday, today),
      words.day(earlier, today),
    ].map(withPlainSpaces);
    expect(said).toEqual([bytes, megabytes, percent, duration, before, date]);
  });

  test('sizes are powers of 1024, and the next unit begins where the last one would round up to it', () => {
    const words = createWords('en', en);
    const sizes = [0, 1, 1023, 1024, 1024 ** 2 - 1, 1024 ** 2, 100 * MIB, 25.55 * MIB, 3 * 1024 ** 4].map(words.bytes);
    expect(sizes.map(withPlainSpaces)).toEqual([
      '0 bytes',
      '1 byte',
      '1,023 bytes',
      '1 kB',
      '1 MB',
      '1 MB',
      '100 MB',
      '25.6 MB',
      '3 TB',
    ]);
  });

  test('100% is said only when it is all there', () => {
    const words = createWords('en', en);
    expect([words.percent(999, 1000), words.percent(1000, 1000), words.percent(0, 0), words.percent(5, null)]).toEqual([
      '99%',
      '100%',
      '100%',
      '0%',
    ]);
  });

  test('durations and clocks', () => {
    const words = createWords('en', en);
    expect([0, 59.1, 61, 3600, 3900].map(words.duration).map(withPlainSpaces)).toEqual([
      '1 sec',
      '1 min',
      '1 min',
      '1 hr',
      '1 hr 5 min',
    ]);
    expect([0, 65, 3723].map(words.clock)).toEqual(['0:00', '1:05', '1:02:03']);
  });
});

describe('sentences', () => {
  test.each<[Translation, number, string]>([
    ['pl', 1, '1 plik'],
    ['pl', 3, '3 pliki'],
    ['pl', 5, '5 plików'],
    ['pl', 22, '22 pliki'],
    ['ru', 21, '21 файл'],
    ['ru', 2, '2 файла'],
    ['ru', 11, '11 файлов'],
    ['uk', 4, '4 файли'],
    ['cs', 5, '5 souborů'],
    ['ar', 2, 'ملفان'],
    ['ar', 3, '3 ملفات'],
    ['ar', 11, '11 ملفًا'],
    ['he', 2, 'שני קבצים'],
    ['fr', 0, '0 fichier'],
    ['ja', 3, '3 件のファイル'],
  ])('%s counts %i files', async (locale, count, said) => {
    expect((await wordsOf(locale)).text('fileCount', { count })).toBe(said);
  });

  test('values stand where the language wants them, and names keep their markup', async () => {
    const name = { bold: 'a.txt' };
    const pieces = (await wordsOf('ja')).pieces('goOnWith', { name, percent: '62%' });
    expect(pieces).toEqual([name, ' を続ける（', '62%', '）']);
    expect((await wordsOf('hi')).text('positionOf', { position: 2, count: 9 })).toBe('9 में से 2');
  });

  test('names are isolated where directions may meet, and nowhere else', async () => {
    const english = createWords('en', en);
    expect(english.text('deleteFile', { name: 'two.png' })).toBe('Delete two.png');
    expect(english.text('deleteFile', { name: 'صورة.png' })).toBe('Delete \u2068صورة.png\u2069');
    expect(english.text('deleteFile', { name: 'a\u202egpj.exe' })).toBe('Delete \u2068a\u202egpj.exe\u2069');
    expect((await wordsOf('he')).text('deleteFile', { name: 'two.png' })).toBe('מחיקת \u2068two.png\u2069');
    expect((await wordsOf('ar')).facts('3 MB', null, '')).toBe('\u20683 MB\u2069');
  });

  test('braces in a name are not taken for values', () => {
    expect(createWords('en', en).text('uploadOf', { name: '{name} {size}' })).toBe('Upload: {name} {size}');
  });

  test('a site replaces single sentences, in plural forms too', async () => {
    const strings = {
      chooseFiles: 'Belege anhängen',
      fileCount: { other: '{count} Belege' },
      cancel: undefined,
      keep: 5,
    };
    const words = await loadWords({ locale: 'de', strings: strings as unknown as Strings });
    expect(words.label('chooseFiles')).toBe('Belege anhängen');
    expect(words.text('fileCount', { count: 1 })).toBe('1 Belege');
    expect([words.label('cancel'), words.label('keep')]).toEqual(['Abbrechen', 'Behalten']);
  });

  test('an upload’s state is told in its language', async () => {
    const german = await wordsOf('de');
    const upload = {
      status: 'uploading',
      sentBytes: 5 * MIB,
      size: 10 * MIB,
      bytesPerSecond: MIB,
      movedAt: 0,
    } as Upload;
    expect(withPlainSpaces(uploadText(german, upload, 0, null))).toBe('5 MB von 10 MB · 1 MB/s · noch 5 Sek.');
    const whole = { ...upload, sentBytes: 10 * MIB };
    const told = [true, false].map((scans_files) => uploadText(german, whole, 0, { max_file_size: MIB, scans_files }));
    expect(told.map(withPlainSpaces)).toEqual(['10 MB · wird auf Viren geprüft', '10 MB · wird abgeschlossen']);
    const refused = { code: 'executable', detail: 'This is a program.', canRetry: false };
    expect(uploadText(german, { ...upload, status: 'failed', failure: refused }, 0, null)).toBe(
      german.label('problem-executable'),
    );
    const tooLarge = { ...upload, status: 'failed', failure: { ...refused, code: 'file-too-large' } } as const;
    expect(withPlainSpaces(uploadText(german, tooLarge, 0, { max_file_size: 2 * MIB, scans_files: true }))).toContain(
      'höchstens 2 MB',
    );
  });

  test('the limits are one sentence with a list', () => {
    const config = { max_file_size: 25 * MIB, allowed_types: ['image/png', 'image/jpeg', 'application/pdf', 'x/y'] };
    const text = limitsText(createWords('en', en), config as Parameters<typeof limitsText>[1]);
    expect(withPlainSpaces(text)).toBe('Up to 25 MB each: pictures, PDF, and x/y');
  });

  test('every code of the server has a sentence; a code of a newer server keeps its own', async () => {
    const french = await wordsOf('fr');
    const sentences = Object.values(french.dictionary).filter((entry) => typeof entry === 'string');
    for (const code of Object.keys(PROBLEMS)) {
      expect(sentences).toContain(problemText(french, { code, detail: 'English.' }));
    }
    expect(problemText(french, { code: 'from-tomorrow', detail: 'What to do.' })).toBe('What to do.');
    expect(problemText(french, { code: 'constructor', detail: null })).toBe(french.label('problem-unknown'));
  });
});

describe('which language', () => {
  test.each<[string[], Translation | null, string]>([
    [['de'], 'de', 'de'],
    [['de-AT'], 'de', 'de-AT'],
    [['DE-at'], 'de', 'de-AT'],
    [['pt'], 'pt-BR', 'pt'],
    [['pt-PT'], 'pt-BR', 'pt-PT'],
    [['pt_BR'], 'pt-BR', 'pt-BR'],
    [['zh'], 'zh-CN', 'zh'],
    [['zh-Hans-SG'], 'zh-CN', 'zh-Hans-SG'],
    [['zh-TW', 'ja'], 'ja', 'ja'],
    [['zh-TW'], null, 'en'],
    [['iw'], 'he', 'he'],
    [['es-419'], 'es', 'es-419'],
    [['ar-EG'], 'ar', 'ar-EG'],
    [['sv', 'nb', 'fr-CA'], 'fr', 'fr-CA'],
    [['en-GB', 'de'], null, 'en-GB'],
    [['sr', 'not a tag!', ''], null, 'en'],
    [[], null, 'en'],
  ])('%j', (wishes, translation, tag) => {
    expect(resolveLocale(wishes)).toEqual({ translation, tag });
  });

  test('the direction comes from the language', async () => {
    const rightToLeft: Translation[] = [];
    for (const locale of TRANSLATIONS) if ((await wordsOf(locale)).dir === 'rtl') rightToLeft.push(locale);
    expect(rightToLeft).toEqual(['ar', 'fa', 'he']);
    expect(createWords('en', en).dir).toBe('ltr');
  });
});

describe('loading', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('English is there at once, another language when it is loaded', async () => {
    expect(wordsAtOnce({ locale: 'en-GB' })?.label('send')).toBe('Send');
    expect(wordsAtOnce({ locale: 'de' })).toBeNull();
    expect((await loadWords({ locale: 'de' })).label('send')).toBe('Senden');
  });

  test('a chunk that does not come is not waited for: English, with English numbers', async () => {
    vi.useFakeTimers();
    const never = Object.fromEntries(TRANSLATIONS.map((name) => [name, () => new Promise<never>(() => {})]));
    const loading = loadWords({ locale: 'de-AT' }, never as unknown as Parameters<typeof loadWords>[1]);
    await vi.runAllTimersAsync();
    const words = await loading;
    expect([words.locale, words.label('send'), words.percent(1, 2)]).toEqual(['en', 'Send', '50%']);
  });
});

async function dictionaryOf(locale: Translation): Promise<Dictionary> {
  const file = new URL(`../../widget/words/locales/${locale.toLowerCase()}.ts`, import.meta.url);
  return ((await import(file.href)) as { dictionary: Dictionary }).dictionary;
}

async function wordsOf(locale: Translation): Promise<Words & { dictionary: Dictionary }> {
  const dictionary = await dictionaryOf(locale);
  return { ...createWords(locale, dictionary), dictionary };
}

/** A plain sentence as its only form. */
function formsOf(entry: string | PluralForms | Dictionary[Key]): Record<string, string> {
  return typeof entry === 'string' ? { other: entry } : { ...entry };
}

function valuesIn(template = ''): string[] {
  return [...new Set(Array.from(template.matchAll(/\{(\w+)\}/g), (match) => match[1] as string))].sort();
}

/** Intl writes no-break spaces and marks of direction; which ones is its own affair. */
function withPlainSpaces(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ').replace(/[\u061c\u200e\u200f]/g, '');
}
