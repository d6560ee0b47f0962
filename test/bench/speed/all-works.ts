/** Every work of `npm run bench`, in the order of the table. */
import { BUCKET_WORKS } from './bucket-works.ts';
import { CROWD_WORKS } from './crowd-works.ts';
import { pageWork } from './page-work.ts';
import type { ServerName } from './servers.ts';
import { startWork } from './start-work.ts';
import { uploadWorks } from './upload-works.ts';
import type { Work } from './work.ts';

/** @param servers for a to e, instead of those that belong there */
export function allWorks(servers: readonly ServerName[] | null = null): Work[] {
  const works = [...uploadWorks(servers), ...BUCKET_WORKS, ...CROWD_WORKS, startWork, pageWork];
  return works.sort((one, other) => (one.id < other.id ? -1 : 1));
}
