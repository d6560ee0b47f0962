/** The reference: @tus/server with its FileStore, as its README shows it. `node plain-server.ts FOLDER` prints its port. */
import { createServer } from 'node:http';
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';
import { watchSelf } from './watch-self.ts';

watchSelf();
const tus = new Server({ path: '/files', datastore: new FileStore({ directory: String(process.argv[2]) }) });
const server = createServer((request, response) => void tus.handle(request, response));
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
