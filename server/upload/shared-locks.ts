/** The locks of uploads on PostgreSQL: held by this node's session, asked for and given back by its words. */
import type { NodeSession } from '../database/node-session.ts';
import type { SharedLocks } from './node-locker.ts';

const CHANNEL = 'chatdrop_locks';
const ASK = 'ask ';
const FREE = 'free ';

export async function createSharedLocks(
  session: Pick<NodeSession, 'tryLock' | 'unlock' | 'listen' | 'notify' | 'onLost'>,
): Promise<SharedLocks> {
  const listeners = new Set<Parameters<SharedLocks['on']>[0]>();
  const keyOf = (id: string) => `upload ${id}`;
  // Who waits asks again, so a word may be lost.
  const say = (text: string) => void session.notify(CHANNEL, text).catch(() => {});
  await session.listen(CHANNEL, (text) => {
    for (const { asked, freed } of listeners) {
      if (text.startsWith(ASK)) asked(text.slice(ASK.length));
      else if (text.startsWith(FREE)) freed(text.slice(FREE.length));
    }
  });
  session.onLost(() => {
    for (const { lost } of listeners) lost();
  });
  return {
    tryLock: (id) => session.tryLock(keyOf(id)),
    unlock: (id) => session.unlock(keyOf(id)),
    ask: (id) => say(ASK + id),
    tellFree: (id) => say(FREE + id),
    on: (listener) => void listeners.add(listener),
  };
}
