/** Lets a Preact component follow an observable of the core. */
import { useLayoutEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { Observable } from '../core/observable.ts';

/** The current value; the component renders again when it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  const [value, setValue] = useState(() => observable.get());
  useLayoutEffect(() => {
    // It may have changed between the first render and this effect.
    setValue(() => observable.get());
    return observable.subscribe(() => setValue(() => observable.get()));
  }, [observable]);
  return value;
}
