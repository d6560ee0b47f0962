/** A company whose files have to be scanned, on a server without a scanner: that is said before any byte is sent. */
import type { CompanyPolicy } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';

/** @throws {Failure} `scanner-unavailable` */
export type CheckScanner = (policy: Pick<CompanyPolicy, 'scanRequired'>) => void;

/** Nobody sets one up within seconds. */
const RETRY_AFTER_SECONDS = 60;

export function createCheckScanner(hasScanner: boolean): CheckScanner {
  return ({ scanRequired }) => {
    if (scanRequired && !hasScanner) throw new NoScanner();
  };
}

/** What is owed for this reason is kept, and shared once there is a scanner, or once the company wants none. */
export class NoScanner extends Failure {
  constructor() {
    const detail =
      'Files are shared here only once they are checked for viruses, and this server has no virus scanner. Tell whoever runs it: it needs CLAMAV_URL.';
    super('scanner-unavailable', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
}
