/** A part of the widget that is loaded when it is needed. */
import { useCallback, useEffect, useState } from '@uppy/core/utils/preact/hooks';

export type Lazy<Module> = { module: Module | null; hasFailed: boolean; retry: () => void };

/** `load` has to be the same function each time. Nothing is asked for before `isWanted`. */
export function useLazy<Module>(load: () => Promise<Module>, isWanted: boolean): Lazy<Module> {
  const [module, setModule] = useState<{ loaded: Module } | null>(null);
  const [hasFailed, setHasFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!isWanted || module !== null) return;
    let isCurrent = true;
    load().then(
      (loaded) => isCurrent && setModule({ loaded }),
      () => isCurrent && setHasFailed(true),
    );
    return () => {
      isCurrent = false;
    };
  }, [isWanted, attempt]);
  const retry = useCallback(() => {
    setHasFailed(false);
    setAttempt((count) => count + 1);
  }, []);
  return { module: module?.loaded ?? null, hasFailed, retry };
}
