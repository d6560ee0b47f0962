/** What packages do at a start that nobody asks of them here, and that a start is waited for by. */
import path from 'node:path';
import type { Plugin } from 'esbuild';

const project = path.join(import.meta.dirname, '../..');
const LATER = 'later';
const FUNCTIONS_OF_TYPES = ['charset', 'contentType', 'extension', 'lookup'];
const TABLES_OF_TYPES = ['charsets', 'extensions', 'types'];
const PINO_CALLER = 'pino/lib/caller.js';
const DEPD = 'depd/index.js';

/** Koa loads the types of all names of files; what we answer names its own. They are loaded when they are first asked for. */
export const laterTypes: Plugin = {
  name: 'later-types',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^mime-types$/ }, async ({ path: name, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === LATER) return;
      const { path: file, errors } = await resolve(name, { kind, importer, resolveDir, pluginData: LATER });
      // The path is in the bundle, so it must not say where that was made.
      return {
        path: path.relative(project, file).replaceAll(path.sep, '/'),
        errors,
        namespace: LATER,
        pluginData: file,
      };
    });
    onLoad({ filter: /.*/, namespace: LATER }, ({ pluginData: file }) => {
      const real = `require(${JSON.stringify(file)})`;
      const contents = [
        ...FUNCTIONS_OF_TYPES.map((name) => `exports.${name} = (...given) => ${real}.${name}(...given);`),
        ...TABLES_OF_TYPES.map((name) => `Object.defineProperty(exports, '${name}', { get: () => ${real}.${name} });`),
      ].join('\n');
      return { contents, resolveDir: path.dirname(file) };
    });
  },
};

/**
 * Who asks V8 for a line's number has it count those of the whole script. Two ask at the start: pino, for the transports that
 * it might have, and depd, for warnings of what is deprecated in Koa; that one brings a form that gives none.
 */
export const noLineNumbers: Plugin = {
  name: 'no-line-numbers',
  setup({ onLoad, onEnd }) {
    const met = new Set<string>();
    onLoad({ filter: /[\\/]pino[\\/]lib[\\/]caller\.js$/ }, () => {
      met.add(PINO_CALLER);
      return { contents: 'module.exports = () => [];' };
    });
    onLoad({ filter: /[\\/]depd[\\/]index\.js$/ }, ({ path: file }) => {
      met.add(DEPD);
      return { contents: "module.exports = require('./lib/browser/index.js');", resolveDir: path.dirname(file) };
    });
    // A newer version that is made up otherwise would quietly bring back what is left out.
    onEnd(() => ({
      errors: [PINO_CALLER, DEPD]
        .filter((file) => !met.has(file))
        .map((file) => ({ text: `there is no ${file} any more` })),
    }));
  },
};
