/** Bundles the server into `dist/server/`, and prints what it weighs: `node server/build/build.ts`, after `widget/build.ts`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LICENCES } from '../embedded/embedded.ts';
import { buildServer } from './build-server.ts';
import { sourcesOfPages } from './sources-of-pages.ts';
import { packagesIn, thirdPartyLicenses } from './third-party-licenses.ts';

const dist = join(import.meta.dirname, '../../dist');
const { inputs, bytes } = await buildServer(join(dist, 'server'));
const packages = packagesIn([...inputs, ...(await sourcesOfPages(join(dist, 'widget')))]);
await writeFile(join(dist, LICENCES), thirdPartyLicenses(packages, { node: false }));
console.log(`${'server'.padEnd(20)} ${(bytes / 1024).toFixed(1).padStart(7)} kB`);
