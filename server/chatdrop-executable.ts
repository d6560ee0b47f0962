/** The entry of the single executable: the script that it carries, with what V8 has prepared of it. */
import { PREPARED, readEmbedded, SCRIPT } from './embedded/embedded.ts';
import { loadScript } from './prepared/load-script.ts';

// One byte for each letter, as the bundle is written.
const code = readEmbedded(SCRIPT).toString('latin1');
loadScript(code, process.execPath, readEmbedded(PREPARED)).run(builtin);

/** Nothing is looked for in files. */
function builtin(name: string): unknown {
  const found = process.getBuiltinModule(name);
  if (found === undefined) throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  return found;
}
