/** Shows the other nodes that this process lives: by a lock that ends with it. */

type Session = {
  tryLock(key: string): Promise<boolean>;
  isLocked(key: string): Promise<boolean>;
  onBack(listener: () => void): void;
};

export type NodePresence = {
  /** @throws when nobody can know right now */
  isAlive(process: string): Promise<boolean>;
  close(): void;
};

/** PostgreSQL may hold the lock for a connection of ours that it does not know to be dead yet. */
const RETRY_MS = 1000;

/** The session is its maker's to close. */
export async function createNodePresence(session: Session, self: string): Promise<NodePresence> {
  let retry: NodeJS.Timeout | undefined;
  const show = async () => {
    clearTimeout(retry);
    const shown = await session.tryLock(keyOf(self)).catch(() => false);
    if (!shown) retry = setTimeout(show, RETRY_MS);
  };
  session.onBack(() => void show());
  await show();
  return {
    isAlive: async (process) => process === self || (await session.isLocked(keyOf(process))),
    close: () => clearTimeout(retry),
  };
}

function keyOf(process: string): string {
  return `node ${process}`;
}
