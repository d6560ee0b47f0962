/** Connections that have not said who they are: Socket.IO opens one for everybody, and asks for the token afterwards. */
import { addressGroup } from '../rules/address-group.ts';
import type { EngineConnection } from './engine-connection.ts';

/** In all; each takes some kilobytes. */
const MAX_WAITING = 5000;
/** Of one address: an office whose agents all come back after a restart, and no more. */
export const MAX_WAITING_AN_ADDRESS = 200;
/** Milliseconds in which a client has to send its token; it takes one round trip. */
export const MAX_WAIT_MS = 10_000;

export type Anteroom = {
  hasRoom(address: string): boolean;
  /** Until `leave`, or the end of the connection. */
  enter(connection: EngineConnection, address: string): void;
  leave(connection: EngineConnection): void;
};

export function createAnteroom(): Anteroom {
  const groups = new Map<EngineConnection, string>();
  const counts = new Map<string, number>();
  const groupOf = (address: string) => addressGroup(address) ?? 'unknown';
  const leave = (connection: EngineConnection) => {
    const group = groups.get(connection);
    if (group === undefined) return;
    groups.delete(connection);
    const left = (counts.get(group) ?? 0) - 1;
    if (left > 0) counts.set(group, left);
    else counts.delete(group);
  };
  // One for all: it stays on each connection as long as that one lives.
  function leaveAtEnd(this: EngineConnection): void {
    leave(this);
  }
  return {
    hasRoom: (address) => groups.size < MAX_WAITING && (counts.get(groupOf(address)) ?? 0) < MAX_WAITING_AN_ADDRESS,
    enter(connection, address) {
      const group = groupOf(address);
      groups.set(connection, group);
      counts.set(group, (counts.get(group) ?? 0) + 1);
      connection.on('close', leaveAtEnd);
    },
    leave,
  };
}
