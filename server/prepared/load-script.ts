/** Runs a bundled script with what V8 has compiled of it before, so that a start compiles nothing. */
import path from 'node:path';
import { Script } from 'node:vm';

/** What the bundles put around their code: a function of these, as Node does for each module of the older kind. */
export const SCRIPT_WRAPPER = {
  head: '(function (exports, require, module, __filename, __dirname) {',
  foot: '})',
};

export type LoadedScript = {
  run(require: (name: string) => unknown): void;
  /** What V8 has of it by now, also of the functions that were called: for a later start's `prepared`. */
  prepare(): Buffer;
};

/**
 * @param filename where packages are looked for, and what stack traces name
 * @param prepared by `prepare()`, of this very code: V8 compares its length and no more. Of another version of Node, or under
 * other options of the compiler, it is not taken, and everything is compiled as ever.
 */
export function loadScript(code: string, filename: string, prepared: Buffer | undefined): LoadedScript {
  const script = new Script(code, { filename, ...(prepared !== undefined && { cachedData: prepared }) });
  return {
    run(require) {
      const module = { exports: {} };
      script.runInThisContext()(module.exports, require, module, filename, path.dirname(filename));
    },
    prepare: () => script.createCachedData(),
  };
}
