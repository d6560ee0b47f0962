/** The licences of everything that is shipped, as one text: what the bundles are made of, Node, and the native libraries. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import spdx from 'spdx-license-list/full.js';

const project = join(import.meta.dirname, '../..');
const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)/i;
const RULE = '='.repeat(100);

type Package = { name: string; version: string; license?: string; homepage?: string };

/** Folders of packages in the project, of the files that a bundle is made of. */
export function packagesIn(files: readonly string[]): string[] {
  return files.flatMap(
    (file) => file.match(/node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0] ?? [],
  );
}

/**
 * @param folders of packages, from the project's folder
 * @param node whether Node is part of what is shipped
 * @throws where a package says nothing of its licence
 */
export function thirdPartyLicenses(folders: readonly string[], { node }: { node: boolean }): string {
  // Many are under the same words: those stand there once, below all their names.
  const byText = Map.groupBy([...new Set(folders)].sort().map(ofPackage), ({ text }) => text);
  const parts = [
    'Chatdrop is under the MIT licence. It is made with the work of others, which is under these licences.\n',
    ...(node ? [ofNode()] : []),
    ...[...byText].map(([text, those]) => `${those.map(({ title }) => title).join('\n')}\n\n${text}\n`),
    ...(folders.some((folder) => folder.includes('sharp-libvips')) ? [ofLibvips()] : []),
  ];
  return parts.join(`\n${RULE}\n\n`);
}

function ofPackage(folder: string): { title: string; text: string } {
  const { name, version, license, homepage } = readJson(join(project, folder, 'package.json')) as Package;
  const texts = readdirSync(join(project, folder))
    .filter((file) => LICENCE_FILE.test(file))
    .map((file) => readFileSync(join(project, folder, file), 'utf8').trim());
  const title = [`${name} ${version}`, license, homepage].filter((word) => word !== undefined).join(', ');
  return { title, text: texts.length > 0 ? texts.join('\n\n') : standardText(name, license) };
}

/** The package names its licence and brings no text. */
function standardText(name: string, license: string | undefined): string {
  const known = license === undefined ? undefined : spdx[license];
  if (known === undefined) throw new Error(`${name} says nothing of its licence`);
  return known.licenseText.replaceAll('<year> ', '').replaceAll('<copyright holders>', `the authors of ${name}`).trim();
}

/** Its own, with those of what is built into it: V8, OpenSSL, libuv, ICU and others. */
function ofNode(): string {
  const folders = readdirSync(join(project, 'node_modules'))
    .filter((name) => /^node-(?:bin-)?(?:linux|darwin|win)-/.test(name))
    .map((name) => join(project, 'node_modules', name, 'LICENSE'));
  const file = folders.find((path) => existsSync(path));
  if (file === undefined) throw new Error('The licence of Node is not there: npm ci brings it with Node itself.');
  return `Node.js ${process.versions.node}\nhttps://nodejs.org\n\n${readFileSync(file, 'utf8').trim()}\n`;
}

function ofLibvips(): string {
  const folder = readdirSync(join(project, 'node_modules/@img')).find((name) => name.startsWith('sharp-libvips'));
  const readme = readFileSync(join(project, 'node_modules/@img', String(folder), 'README.md'), 'utf8');
  const table = readme.split('\n').filter((line) => line.startsWith('|'));
  return `libvips and the libraries that are built into it

libvips is under the GNU Lesser General Public License, version 3 or later. It is a shared library, a file of its own, which
the process that decodes pictures loads when it starts. To use a changed one put it in the place of the file in
node_modules/@img/${folder}/lib/, and build (npm run build, npm run build:executable): the whole source of Chatdrop is there
for that. The sources of libvips: https://github.com/libvips/libvips, and of how this one was built:
https://github.com/lovell/sharp-libvips

${table.join('\n')}

${RULE}

GNU Lesser General Public License, version 3

${spdx['LGPL-3.0-or-later']?.licenseText.trim()}

${RULE}

GNU General Public License, version 3

${spdx['GPL-3.0-or-later']?.licenseText.trim()}
`;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
