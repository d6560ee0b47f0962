/** What the log says of who was turned away and of who got in as the operator: one line each, and no more than a flood allows. */
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { ProblemCode } from '../contract/problem.ts';
import { addressGroup } from '../rules/address-group.ts';
import type { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import type { ClientAddress } from './client-address.ts';
import type { Limiter } from './limiter.ts';

/** Lines of one address in a minute: what comes above that tells nothing new, and would fill the disk. */
const MAX_LINES_A_MINUTE = 60;
const MAX_PATH_CHARACTERS = 200;
/** Somebody may put a token into the path by mistake. */
const LIKE_A_TOKEN = /[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g;

/** How loud each refusal is; null: of the protocol, or of something of ours that is logged as such. A new code has to be thought of. */
const LEVELS: Record<ProblemCode, 'warn' | 'info' | null> = {
  'invalid-request': 'info',
  unauthenticated: 'warn',
  'token-expired': 'info',
  forbidden: 'warn',
  'link-invalid': 'warn',
  'link-expired': 'info',
  // What a caller may not see is told to them as what is not there; without a caller it is only a wrong address.
  'not-found': 'info',
  'method-not-allowed': 'info',
  'request-timeout': null,
  'offset-conflict': null,
  gone: null,
  'tus-version': null,
  'precondition-failed': null,
  'file-too-large': 'info',
  'unsupported-media-type': 'info',
  'type-not-allowed': 'info',
  'type-mismatch': 'warn',
  executable: 'warn',
  'range-not-satisfiable': null,
  'wrong-host': 'warn',
  'archive-refused': 'warn',
  encrypted: 'info',
  'checksum-mismatch': 'info',
  infected: 'warn',
  unscannable: 'warn',
  'try-again': null,
  'rate-limited': 'warn',
  'too-many-sockets': 'warn',
  'headers-too-large': 'info',
  'tus-checksum': null,
  'server-error': null,
  'shutting-down': null,
  'storage-unavailable': null,
  'scanner-unavailable': null,
  'keys-unavailable': null,
  'quota-exceeded': 'info',
  'storage-full': null,
};

type Needs = {
  log: Logger;
  clientAddress: ClientAddress;
  /** Of this node alone, with a window of a minute. */
  limiter: Pick<Limiter, 'consume'>;
};
/** As much of a request as is told of it. */
type Asked = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'socket'>;
type Who = Pick<Participant, 'company' | 'session' | 'role' | 'subject'>;

export type SecurityLog = {
  /** Somebody was refused; `caller` is who it was, as far as a token has said so. Never throws, and nobody waits for it. */
  refused(failure: Pick<Failure, 'code' | 'status'>, request: Asked, caller?: Who): void;
  /** The operator's token opened a route. @returns to be told the answer's status: by then the connection may be gone */
  operator(request: Asked): (status: number) => void;
  /** A page of ours was about to do what its policy forbids. */
  violated(request: Asked, report: Record<string, string | number>): void;
};

export function createSecurityLog({ log, clientAddress, limiter }: Needs): SecurityLog {
  const write = async (level: 'warn' | 'info', request: Asked, line: object, message: string): Promise<void> => {
    const address = clientAddress(request as IncomingMessage);
    const { allowed, remaining, resetSeconds } = await limiter.consume(
      addressGroup(address) ?? 'unknown',
      MAX_LINES_A_MINUTE,
    );
    if (!allowed) return;
    const last = remaining === 0 ? { silent_seconds: resetSeconds } : {};
    log[level]({ ...line, address, method: request.method, path: pathOf(request), ...last }, message);
  };
  const quietly = (work: Promise<void>) => void work.catch(() => {});
  return {
    refused({ code, status }, request, caller) {
      const level = LEVELS[code];
      if (level === null || (code === 'not-found' && caller === undefined)) return;
      const who = caller === undefined ? {} : whoIs(caller);
      quietly(write(level, request, { event: 'refused', code, status, ...who }, 'a request was refused'));
    },
    operator(request) {
      const address = clientAddress(request as IncomingMessage);
      const line = { event: 'operator', address, method: request.method, path: pathOf(request) };
      return (status) => log.info({ ...line, status }, 'the operator was here');
    },
    violated(request, report) {
      quietly(
        write('warn', request, { event: 'policy', report }, 'a browser reports what the policy of a page forbids'),
      );
    },
  };
}

function whoIs({ company, session, role, subject }: Who): object {
  return { company, session, role, subject };
}

/** Without the query: it may hold a signature, or a token. */
function pathOf({ url = '' }: Asked): string {
  const [path = ''] = url.split('?', 1);
  return path.replaceAll(LIKE_A_TOKEN, '…').slice(0, MAX_PATH_CHARACTERS);
}
