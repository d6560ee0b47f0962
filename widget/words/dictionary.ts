/** What a dictionary is: the keys of English, and the values that each of its sentences takes. */
import type { en } from './en.ts';

type English = typeof en;
export type Key = keyof English;

/** By the categories of `Intl.PluralRules`; a language gives those that it has. */
export type PluralForms = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/** A complete dictionary: a missing or misspelt key does not compile. */
export type Dictionary = { readonly [K in Key]: English[K] extends string ? string : PluralForms };

/** Sentences that replace those of the dictionary. */
export type Strings = Partial<Dictionary>;

type NamesIn<Template> = Template extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
type NamesOf<K extends Key> = English[K] extends string ? NamesIn<English[K]> : 'count';

/** Keys that need no values: plain labels. */
export type LabelKey = { [K in Key]: NamesOf<K> extends never ? K : never }[Key];

/** The values that a sentence needs; `T` allows more than text and numbers for them. */
export type Values<K extends Key, T = never> = {
  [Name in NamesOf<K>]: Name extends 'count' ? number : string | number | T;
};
