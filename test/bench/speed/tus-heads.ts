/** The heads of tus requests, as `RawConnection` sends them. */
import type { Measured } from './servers.ts';

/** `bodyBytes` above 0: creation-with-upload. */
export function createHead(server: Measured, nth: number, bytes: number, name: string, bodyBytes: number): string {
  const filename = Buffer.from(name).toString('base64');
  const type = bodyBytes > 0 ? 'Content-Type: application/offset+octet-stream\r\n' : '';
  return `POST ${server.path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${server.headers(nth)}Tus-Resumable: 1.0.0\r\nUpload-Length: ${bytes}\r\nUpload-Metadata: filename ${filename}\r\n${type}Content-Length: ${bodyBytes}\r\n\r\n`;
}

export function patchHead(server: Measured, nth: number, location: string, offset: number, bytes: number): string {
  return `PATCH ${location} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n${server.headers(nth)}Tus-Resumable: 1.0.0\r\nUpload-Offset: ${offset}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: ${bytes}\r\n\r\n`;
}

export function expectStatus(status: number, expected: number): void {
  if (status !== expected) throw new Error(`answered ${status} instead of ${expected}`);
}
