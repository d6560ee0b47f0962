/** Every refusal a client can meet: code, HTTP status and title, in one table. RFC 9457. */

/**
 * code → [HTTP status, title]. A code never changes its meaning: clients match on it.
 * Statuses on the tus endpoint follow tus 1.0.0 where the specification fixes them.
 */
export const PROBLEMS = {
  'invalid-request': [400, 'The request is not valid'],
  unauthenticated: [401, 'A valid token is needed'],
  'token-expired': [401, 'The token has expired'],
  forbidden: [403, 'This token may not do that'],
  'link-invalid': [403, 'This link is not valid'],
  'link-expired': [403, 'This link has expired'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'This method is not allowed here'],
  'request-timeout': [408, 'The request took too long to arrive'],
  'offset-conflict': [409, 'The upload stands at another offset'],
  gone: [410, 'This upload has ended'],
  'tus-version': [412, 'Only tus 1.0.0 is spoken here'],
  'precondition-failed': [412, 'It has changed since it was read'],
  'file-too-large': [413, 'The file is too large'],
  'unsupported-media-type': [415, 'This Content-Type is not understood here'],
  'type-not-allowed': [415, 'Files of this type are not allowed'],
  'type-mismatch': [415, 'The file is not of the type that its name says'],
  executable: [415, 'Programs, scripts and web pages are not allowed'],
  'range-not-satisfiable': [416, 'The file has no such range'],
  'wrong-host': [421, 'This server does not answer for that host name'],
  'archive-refused': [422, 'The archive is not safe to unpack'],
  encrypted: [422, 'Files with a password are not allowed'],
  'checksum-mismatch': [422, 'The bytes received are not the bytes announced'],
  infected: [422, 'A virus was found in the file'],
  unscannable: [422, 'The file cannot be checked for viruses'],
  'try-again': [423, 'Not yet: try again in a moment'],
  'rate-limited': [429, 'Too many uploads in a short time'],
  'too-many-sockets': [429, 'Too many connections at once'],
  'headers-too-large': [431, 'The request headers are too large'],
  'tus-checksum': [460, 'The chunk is not the one that its checksum names'],
  'server-error': [500, 'The server failed'],
  'shutting-down': [503, 'The server is restarting'],
  'storage-unavailable': [503, 'The storage is away'],
  'scanner-unavailable': [503, 'The virus scanner is away'],
  'keys-unavailable': [503, 'Tokens cannot be checked right now'],
  'quota-exceeded': [507, 'The storage of this company is used up'],
  'storage-full': [507, 'The storage is full'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The body of every error answer, `application/problem+json`. RFC 9457 section 3. */
export type Problem = {
  /** Relative to the request, with its full path (RFC 9457 section 3.1.1): a page that says what the code means. */
  type: string;
  title: string;
  status: number;
  /** One sentence for a person, with what to do next where there is something. */
  detail: string;
  code: ProblemCode;
  /** Tell it to whoever runs the server: the lines of its log about this request have it too. */
  request_id?: string;
};

/** Where `type` leads: a page of the server itself, so that it is there on every origin and without a network. */
export const PROBLEM_PAGES_PATH = '/problems';

/** The problem object for a code; `detail` defaults to the title. */
export function problemOf(code: ProblemCode, detail?: string, requestId?: string): Problem {
  const [status, title] = PROBLEMS[code];
  return {
    type: `${PROBLEM_PAGES_PATH}/${code}`,
    title,
    status,
    detail: detail ?? `${title}.`,
    code,
    ...(requestId !== undefined && { request_id: requestId }),
  };
}
