/** A running server: whether the one that holds the data folder answers where the settings say. */
import type { Config } from '../../config.ts';
import { type Check, ill, messageOf, well } from './check.ts';

type Where = Pick<Config, 'host' | 'port' | 'dataDir'>;
type Needs = { isServerRunning(): boolean };

const NAME = 'server';
const TIMEOUT_MS = 3000;
const MAX_SHOWN_CHARACTERS = 200;

export async function checkServer(config: Where, { isServerRunning }: Needs): Promise<Check> {
  try {
    return await judge(config, isServerRunning());
  } catch (error) {
    return ill(NAME, messageOf(error), `Give this user the right to read ${config.dataDir}.`);
  }
}

async function judge({ host, port, dataDir }: Where, running: boolean): Promise<Check> {
  if (port === 0)
    return well(NAME, `${running ? 'one is running' : 'none is running'}; PORT=0 does not say where to ask it`);
  const url = `http://${reachable(host)}:${port}/readyz`;
  const answer = await ask(url);
  if (!running) {
    if (answer === null) return well(NAME, `none is running on ${dataDir}, and ${host}:${port} is free`);
    const remedy = 'Set another PORT, or the DATA_DIR that the running server has.';
    return ill(NAME, `another program answers on ${host}:${port}, but no server holds ${dataDir}`, remedy);
  }
  if (answer === null) {
    const remedy = 'Run doctor with the PORT and HOST of the server; or it is just starting or draining: try again.';
    return ill(NAME, `one holds ${dataDir}, but ${url} does not answer`, remedy);
  }
  if (answer.status === 200) return well(NAME, `${url} answers: ready`);
  const remedy = 'See the check that is false, and the log of the server.';
  return ill(NAME, `${url} answers ${answer.status}: ${answer.body.slice(0, MAX_SHOWN_CHARACTERS)}`, remedy);
}

/** Null where nobody listens. */
async function ask(url: string): Promise<{ status: number; body: string } | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual' });
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    if (cause?.code === 'ECONNREFUSED') return null;
    return { status: 0, body: messageOf(cause ?? error) };
  }
}

/** What a server on all addresses listens on here. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
