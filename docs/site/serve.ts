/** Shows the built site on this machine, and builds it again when a source changes. */
import { createReadStream, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

const PORT = 8002;
const SETTLE_MS = 200;
const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
};

export async function serve(folder: string, watched: readonly string[], build: () => Promise<void>): Promise<void> {
  const again = async () => {
    await build().catch((error: Error) => console.error(error.message));
  };
  await again();
  let timer: NodeJS.Timeout | undefined;
  for (const source of watched)
    watch(source, { recursive: source.endsWith('docs') }, (_event, name) => {
      if (!/\.(?:md|css|ts)$/.test(name ?? '')) return;
      clearTimeout(timer);
      timer = setTimeout(again, SETTLE_MS);
    });
  createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = path.join(folder, path.posix.normalize(decodeURIComponent(pathname)).replace(/\/$/, '/index.html'));
    const isThere = await stat(file).then(
      (found) => found.isFile(),
      () => false,
    );
    if (!isThere) return void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is no such page.\n');
    response.writeHead(200, { 'Content-Type': CONTENT_TYPES[path.extname(file)] ?? 'text/plain; charset=utf-8' });
    createReadStream(file).pipe(response);
  }).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}/`));
}
