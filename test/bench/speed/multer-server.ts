/** What most uploads in Node are: multer, with its storage on the disk. `node multer-server.ts FOLDER` prints its port. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import multer from 'multer';
import { watchSelf } from './watch-self.ts';

watchSelf();
const take = multer({ storage: multer.diskStorage({ destination: String(process.argv[2]) }) }).single('file');
// It asks for no more of Express than what Node's own request and response have.
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  (take as unknown as Handler)(request, response, (error) => {
    response.statusCode = error === undefined ? 201 : 500;
    response.end();
  });
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));

type Handler = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
