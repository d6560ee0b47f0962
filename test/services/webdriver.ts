/** A small WebDriver client: one session, its calls one after the other. https://www.w3.org/TR/webdriver2/ */

export type WebDriver = {
  /** `path` is below the session, like `/url`. Rejects with the driver's error and message. */
  get(path: string): Promise<unknown>;
  post(path: string, body?: object): Promise<unknown>;
  /** Ends the session, and with it the browser. */
  delete(): Promise<void>;
};

/** What the specification calls it, in every language and driver. */
const ELEMENT_KEY = 'element-6066-11e4-a52e-4f735466cecf';

export async function isWebDriverReady(baseUrl: string): Promise<boolean> {
  return ((await request(baseUrl, 'GET', '/status')) as { ready: boolean }).ready;
}

/** Starts a browser; `capabilities` must all be met. */
export async function createWebDriver(baseUrl: string, capabilities: object): Promise<WebDriver> {
  const body = { capabilities: { alwaysMatch: capabilities } };
  const { sessionId } = (await request(baseUrl, 'POST', '/session', body)) as { sessionId: string };
  const session = `/session/${sessionId}`;
  return {
    get: (path) => request(baseUrl, 'GET', session + path),
    post: (path, content = {}) => request(baseUrl, 'POST', session + path, content),
    async delete() {
      await request(baseUrl, 'DELETE', session);
    },
  };
}

/** The path of an element that a script returned. */
export function elementPath(value: unknown): string {
  const id = (value as Record<string, string> | null)?.[ELEMENT_KEY];
  if (id === undefined) throw new Error('The element is not in the page any more.');
  return `/element/${id}`;
}

async function request(baseUrl: string, method: string, path: string, body?: object): Promise<unknown> {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(baseUrl + path, {
    method,
    headers: { 'Content-Type': 'application/json; charset=utf-8' },
    ...content,
  });
  const { value } = (await response.json()) as { value: unknown };
  if (response.ok) return value;
  const { error, message } = value as { error: string; message: string };
  throw new Error(`${method} ${path}: ${error}: ${message}`);
}
