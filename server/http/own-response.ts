/** Node's answer to a request, with the headers that every answer of ours begins with. */
import { type IncomingMessage, type OutgoingHttpHeader, ServerResponse } from 'node:http';
import { REQUEST_ID_HEADER, type RequestContext } from './request-context.ts';

/** Names and values in turn, no name twice. */
export type HeaderList = string[];

/** The answers that the server makes. */
export type OwnResponse = ServerResponse & {
  /** All of the head at once, besides what every answer begins with: none of those names may be in the list. */
  writeWhole(status: number, headers: HeaderList): void;
};

type Written = Parameters<ServerResponse['writeHead']>;

/**
 * They are put on when somebody first looks at the headers, sets one, or sends them: who knows all of its own hands them over in
 * one list with these, which Node takes as it is, instead of a dozen times one by one.
 */
export function ownResponse(
  headers: Readonly<Record<string, string>>,
  { idOf }: Pick<RequestContext, 'idOf'>,
): typeof ServerResponse {
  const all = Object.entries(headers);
  const list = all.flat();
  return class<Request extends IncomingMessage> extends ServerResponse<Request> implements OwnResponse {
    #hasBegun = false;

    #begin(): void {
      if (this.#hasBegun) return;
      this.#hasBegun = true;
      for (const [name, value] of all) super.setHeader(name, value);
      super.setHeader(REQUEST_ID_HEADER, idOf(this.req));
    }

    writeWhole(status: number, own: HeaderList): void {
      if (this.#hasBegun) super.writeHead(status, own);
      else super.writeHead(status, [...list, REQUEST_ID_HEADER, idOf(this.req), ...own]);
      this.#hasBegun = true;
    }

    override writeHead(...written: unknown[]): this {
      this.#begin();
      return super.writeHead(...(written as Written));
    }

    override setHeader(name: string, value: number | string | readonly string[]): this {
      this.#begin();
      return super.setHeader(name, value);
    }

    override setHeaders(given: Headers | Map<string, number | string | readonly string[]>): this {
      this.#begin();
      return super.setHeaders(given);
    }

    override appendHeader(name: string, value: string | readonly string[]): this {
      this.#begin();
      return super.appendHeader(name, value);
    }

    override removeHeader(name: string): void {
      this.#begin();
      super.removeHeader(name);
    }

    override getHeader(name: string): OutgoingHttpHeader | undefined {
      this.#begin();
      return super.getHeader(name);
    }

    override hasHeader(name: string): boolean {
      this.#begin();
      return super.hasHeader(name);
    }

    override getHeaders() {
      this.#begin();
      return super.getHeaders();
    }

    override getHeaderNames(): string[] {
      this.#begin();
      return super.getHeaderNames();
    }
  };
}
