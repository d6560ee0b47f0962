/**
 * The server in a mount namespace of its own: `MOUNT` is run first, and what it mounts goes with the process, however
 * that ends. Run as the entry of `startChatdrop`; the process keeps its id, so that signals reach the server itself.
 */
import { SERVER_ENTRY } from './built-server.ts';

const asRoot = process.getuid?.() === 0;
const script = 'eval "$MOUNT" && exec "$0" "$1" serve';

process.execve?.(
  '/usr/bin/unshare',
  ['unshare', asRoot ? '-m' : '-rm', '/bin/sh', '-c', script, process.execPath, SERVER_ENTRY],
  process.env as Record<string, string>,
);
