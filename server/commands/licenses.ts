/** `chatdrop licenses`: under which licences stands what Chatdrop is made of. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { LICENCES, readEmbedded, readManifest } from '../embedded/embedded.ts';
import { type Command, readArguments } from './command.ts';

export const licenses: Command = {
  summary: 'print the licences of all that Chatdrop is made of',
  help: `chatdrop licenses

  Prints the licences of the packages in it, and in the single executable those of Node and of the native
  libraries too. Of a checkout that was not built they lie in node_modules, each with its package.
`,
  async run(args, { print }) {
    readArguments(args, {});
    print(readLicences());
    return 0;
  },
};

function readLicences(): string {
  if (readManifest() !== null) return readEmbedded(LICENCES).toString();
  const built = path.join(import.meta.dirname, '../../dist', LICENCES);
  if (!existsSync(built)) throw new Error('They are collected by the build: npm run build');
  return readFileSync(built, 'utf8');
}
