/** Names this process: in the leases of its finishes, and among the nodes. */
import { randomUUID } from 'node:crypto';

export const HOLDER = randomUUID();
