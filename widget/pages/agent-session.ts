/** The agent's cookie: whether there is one, and what puts a token into it and takes it out. */
import type { ChatConfig } from '../../server/contract/chat-file.ts';
import { type Answer, readAnswer } from '../core/answer.ts';
import { requestDemoTokens } from './demo-tokens.ts';

/** Who the cookie stands for; `nobody` where there is none, or one that has ended. */
export type Holder = 'agent' | 'visitor' | 'nobody';

/** `answer` null: the server could not be reached. */
export class SignInError extends Error {
  readonly answer: Answer | null;
  constructor(answer: Answer | null) {
    super(answer?.detail ?? 'The server cannot be reached.');
    this.answer = answer;
  }
}

const REQUEST_TIMEOUT_MS = 10_000;
const SESSION_PATH = '/api/auth/session/';

/** @throws {SignInError} when the server cannot say */
export async function cookieHolder(): Promise<Holder> {
  const response = await ask('/api/chat/config/', {});
  if (response.status === 401) return 'nobody';
  if (!response.ok) throw new SignInError(await answerOf(response));
  const { caller } = (await response.json()) as ChatConfig;
  return caller.role === 'agent' ? 'agent' : 'visitor';
}

/** Puts the token into the cookie, if it is an agent's. @throws {SignInError} */
export async function signIn(token: string): Promise<Holder> {
  // A header takes no line breaks; what was copied from a terminal may have some.
  const bearer = { Authorization: `Bearer ${token.replaceAll(/\s/g, '')}` };
  const response = await ask('/api/chat/config/', { headers: bearer });
  if (!response.ok) throw new SignInError(await answerOf(response));
  const { caller } = (await response.json()) as ChatConfig;
  if (caller.role !== 'agent') return 'visitor';
  const opened = await ask(SESSION_PATH, { method: 'POST', headers: bearer });
  if (!opened.ok) throw new SignInError(await answerOf(opened));
  return 'agent';
}

/** In development mode only. @throws {Error} */
export async function signInToDemo(): Promise<Holder> {
  const { dashboard_token } = await requestDemoTokens(null);
  return await signIn(dashboard_token);
}

/** @throws {SignInError} */
export async function signOut(): Promise<void> {
  const response = await ask(SESSION_PATH, { method: 'DELETE' });
  if (!response.ok) throw new SignInError(await answerOf(response));
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  } catch {
    throw new SignInError(null);
  }
}

async function answerOf(response: Response): Promise<Answer> {
  return readAnswer(response.status, null, await response.text().catch(() => ''));
}
