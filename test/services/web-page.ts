/** Somebody's web site for the widget to stand in: one page on loopback, under whatever name the test calls it by. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type WebPage = {
  /** `http://{name}.localhost:{port}/`: each name is a site of its own to a browser. */
  url(name: string): string;
  origin(name: string): string;
  /** What the next visitor gets. */
  show(html: string, headers?: Record<string, string>): void;
  close(): Promise<void>;
};

export async function startWebPage(): Promise<WebPage> {
  let page = { html: '', headers: {} as Record<string, string> };
  const server = createServer((_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', ...page.headers }).end(page.html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (name) => `http://${name}.localhost:${port}/`,
    origin: (name) => `http://${name}.localhost:${port}`,
    show(html, headers = {}) {
      page = { html, headers };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
