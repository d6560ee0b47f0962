/** Names in a page's head all that its script will ask for, so that a browser gets it in one turn instead of one after the other. */
import type { RolldownOutput } from 'rolldown';

/** Each page that shows files connects at once: this is not in its script, and needed all the same. */
const ALWAYS_NEEDED = /\/socket\.io-client\//;
const MODULE_SCRIPT = /^( *)<script type="module" src="\/widget\/([^"]+)"><\/script>\n/m;

/** @param output of the bundle that the page's script is in */
export function withPreloads(html: string, output: RolldownOutput['output']): string {
  const [, , script = ''] = MODULE_SCRIPT.exec(html) ?? [];
  const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])));
  const needed = new Set<string>();
  const need = (name: string) => {
    const { imports = [], dynamicImports = [] } = chunks.get(name) ?? {};
    const connecting = dynamicImports.filter((each) => ALWAYS_NEEDED.test(chunks.get(each)?.facadeModuleId ?? ''));
    for (const each of [...imports, ...connecting]) {
      if (needed.has(each) || each === script) continue;
      needed.add(each);
      need(each);
    }
  };
  need(script);
  const links = [...needed].map((name) => `<link rel="modulepreload" href="/widget/${name}">\n`);
  return html.replace(MODULE_SCRIPT, (tag, indent: string) => tag + links.map((link) => indent + link).join(''));
}
