/** Four companies with four chats each, whose sessions have the same names everywhere; who is in them, and what lies there. */
import { randomBytes } from 'node:crypto';
import { pngFile } from './fixtures.ts';
import { agentToken, signToken, visitorToken } from './tokens.ts';

export type Role = 'user' | 'agent' | 'admin' | 'nobody';
export type Who = {
  name: string;
  role: Role;
  company: string | null;
  /** Null: none, or every one of the company. */
  session: string | null;
  subject: string | null;
  token: string | undefined;
};
/** A chat with a file and an unfinished upload of each side. */
export type Room = {
  company: string;
  session: string;
  files: Side<number>;
  links: Side<string>;
  uploads: Side<string>;
};
export type Side<T> = { user: T; agent: T };

export type Call = (
  method: string,
  path: string,
  token: string | undefined,
  more?: { headers?: Record<string, string>; body?: BodyInit },
) => Promise<{ status: number; headers: Headers; json(): Promise<unknown> }>;

export const FILE = new Uint8Array(pngFile({ bytes: 200 }));
const HALF_BYTES = 100;
const COMPANIES = 4;
const SESSIONS = 4;
/** Whose uploads by an agent they are: of the agent for the whole company. */
const AGENT = 'agent-1';

/** Keeps its connections: a matrix is some thousand calls. */
export function createCall(baseUrl: string): Call {
  return async (method, path, token, { headers = {}, body } = {}) => {
    const sent: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const init = { method, headers: { ...sent, ...headers }, redirect: 'manual' as const };
    const answer = await fetch(baseUrl + path, { ...init, ...(body === undefined ? {} : { body }) });
    const bytes = await answer.text();
    return { status: answer.status, headers: answer.headers, json: async () => JSON.parse(bytes) };
  };
}

/** The last company has a key of its own, so that each cell of it is also one of a key that is no other company's. */
export function peopleOf(adminToken: string) {
  const names = Array.from({ length: COMPANIES }, (_, at) => `matrix-${process.pid}-${at + 1}`);
  const sessions = Array.from({ length: SESSIONS }, (_, at) => `session-${at + 1}`);
  const own = { company: names.at(-1) ?? '', secret: randomBytes(32).toString('base64') };
  const people: Who[] = [
    { name: 'the operator', role: 'admin', company: null, session: null, subject: null, token: adminToken },
    { name: 'nobody', role: 'nobody', company: null, session: null, subject: null, token: undefined },
  ];
  const signed = (company: string, token: string) =>
    company === own.company ? signToken(claimsOf(token), { secret: own.secret }) : token;
  for (const company of names) {
    const agent = { role: 'agent', company, session: null, subject: AGENT } as const;
    people.push({ name: `agent of ${company}`, ...agent, token: signed(company, agentToken(company, AGENT)) });
    for (const session of sessions) {
      const subject = `agent-of-${session}`;
      const place = `${company}/${session}`;
      people.push(
        {
          ...{ name: `visitor of ${place}`, role: 'user', company, session, subject: null },
          token: signed(company, visitorToken(company, session)),
        },
        {
          ...{ name: `agent of ${place}`, role: 'agent', company, session, subject },
          token: signed(company, agentToken(company, subject, session)),
        },
      );
    }
  }
  // Good tokens but for whose key it is: of these nobody is anybody.
  const forged = {
    'an agent of a company with a key of its own, by the server’s key': agentToken(own.company, AGENT),
    'a visitor of such a company, by the server’s key': visitorToken(own.company, String(sessions[0])),
    'an agent of another company, by that company’s key': signToken(claimsOf(agentToken(String(names[0]), AGENT)), {
      secret: own.secret,
    }),
  };
  for (const [name, token] of Object.entries(forged))
    people.push({ name, role: 'nobody', company: null, session: null, subject: null, token });
  return { companies: names, sessions, people, own };
}

/** What each of the two sides puts into a chat. */
export async function furnish(call: Call, people: readonly Who[], company: string, session: string): Promise<Room> {
  const visitor = people.find((who) => who.role === 'user' && who.company === company && who.session === session);
  const agent = people.find((who) => who.role === 'agent' && who.company === company && who.session === null);
  const by = async <T>(make: (who: Who | undefined) => Promise<T>): Promise<Side<T>> => ({
    user: await make(visitor),
    agent: await make(agent),
  });
  const files = await by((who) => shareIn(call, who?.token, session));
  const links = await by(async (who) => {
    const { url } = (await (
      await call('GET', `/api/chat/files/${files[who === agent ? 'agent' : 'user']}/`, who?.token)
    ).json()) as { url: string };
    return new URL(url).pathname + new URL(url).search;
  });
  return { company, session, files, links, uploads: await by((who) => beginIn(call, who?.token, session)) };
}

/** @returns the file's id */
export async function shareIn(call: Call, token: string | undefined, session: string): Promise<number> {
  const answer = await createUpload(call, token, { session_id: session }, FILE);
  if (answer.status !== 201) throw new Error(`sharing failed: ${answer.status}`);
  return Number(answer.headers.get('chat-file-id'));
}

/** @returns the path of an upload that is half there */
export async function beginIn(call: Call, token: string | undefined, session: string): Promise<string> {
  const answer = await createUpload(call, token, { session_id: session }, FILE.subarray(0, HALF_BYTES));
  if (answer.status !== 201) throw new Error(`beginning failed: ${answer.status}`);
  return String(answer.headers.get('location'));
}

export function createUpload(
  call: Call,
  token: string | undefined,
  metadata: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
) {
  const encoded = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`);
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-length': String(FILE.length),
    'upload-metadata': encoded.join(','),
    'content-type': 'application/offset+octet-stream',
  };
  return call('POST', '/api/chat/tus/', token, { headers, body });
}

export function goOn(call: Call, token: string | undefined, path: string) {
  const headers = {
    'tus-resumable': '1.0.0',
    'upload-offset': String(HALF_BYTES),
    'content-type': 'application/offset+octet-stream',
  };
  return call('PATCH', path, token, { headers, body: FILE.subarray(HALF_BYTES) });
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}
