/** Names in a page's head all that its script will ask for, so that a browser gets it in one turn instead of one after the other. */
import { basename } from 'node:path';
import type { Metafile } from 'esbuild';

/** Each page that shows files connects, as soon as it has their list: this is not in its script, and needed all the same. */
const ALWAYS_NEEDED = /\/socket\.io-client\//;
const MODULE_SCRIPT = /^( *)<script type="module" src="\/widget\/([^"]+)"><\/script>\n/m;

/** @param metafile of the bundle that the page's script is in */
export function withPreloads(html: string, { outputs }: Metafile): string {
  const [, , script] = MODULE_SCRIPT.exec(html) ?? [];
  const files = Object.keys(outputs);
  const entry = files.find((file) => basename(file) === script);
  if (entry === undefined) return html;
  const needed = new Set<string>();
  const need = (file: string) => {
    for (const { path, kind } of outputs[file]?.imports ?? []) {
      const isNeeded = kind === 'import-statement' || ALWAYS_NEEDED.test(outputs[path]?.entryPoint ?? '');
      if (!isNeeded || needed.has(path) || path === entry) continue;
      needed.add(path);
      need(path);
    }
  };
  need(entry);
  const links = [...needed].map((file) => `<link rel="modulepreload" href="/widget/${basename(file)}">\n`);
  return html.replace(MODULE_SCRIPT, (tag, indent: string) => tag + links.map((link) => indent + link).join(''));
}
