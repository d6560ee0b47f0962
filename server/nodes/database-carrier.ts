/** Texts from node to node by PostgreSQL's NOTIFY, where there is no Redis. */
import type { Carrier } from './node-bus.ts';

type Session = {
  notify(channel: string, text: string): Promise<void>;
  listen(channel: string, listener: (text: string) => void): Promise<void>;
};

const CHANNEL = 'chatdrop_nodes';

/** The session is its maker's to close. */
export function createDatabaseCarrier(session: Session): Carrier {
  return {
    // PostgreSQL takes less than 8000.
    maxBytes: 7900,
    send: (text) => session.notify(CHANNEL, text),
    onText: (listener) => session.listen(CHANNEL, listener),
    close: async () => {},
  };
}
