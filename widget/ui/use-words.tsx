/** Hands the words of one widget to its components: two widgets on a page may speak two languages. */
import { type ComponentChildren, createContext } from '@uppy/core/utils/preact';
import { useContext, useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { createWords, type Words } from '../words/create-words.ts';
import type { Strings } from '../words/dictionary.ts';
import { en } from '../words/en.ts';
import { loadWords, wordsAtOnce } from '../words/load-words.ts';

const WordsContext = createContext<Words>(createWords('en', en));

/** The words of the widget around; English where nobody has set any. */
export function useWords(): Words {
  return useContext(WordsContext);
}

/**
 * Loads the language of `locale` (default: the browser's) and shows the children in it. Until it is here nothing is
 * shown, so that no language flashes up first; `loadWords` says how long at most. A language that is changed later
 * replaces the earlier one when it is here. `strings` has to be the same object at each render, or undefined.
 */
export function WordsProvider(props: {
  locale?: string | null | undefined;
  strings?: Strings | undefined;
  children: ComponentChildren;
}) {
  const { locale, strings } = props;
  const [words, setWords] = useState(() => wordsAtOnce({ locale, strings }));
  const isFirst = useRef(true);
  useEffect(() => {
    const areThere = isFirst.current && words !== null;
    isFirst.current = false;
    if (areThere) return;
    let isCurrent = true;
    const atOnce = wordsAtOnce({ locale, strings });
    if (atOnce !== null) setWords(atOnce);
    else void loadWords({ locale, strings }).then((loaded) => isCurrent && setWords(loaded));
    return () => {
      isCurrent = false;
    };
  }, [locale, strings]);
  if (words === null) return null;
  return <WordsContext.Provider value={words}>{props.children}</WordsContext.Provider>;
}
