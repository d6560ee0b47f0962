#!/usr/bin/env node
/** The entry of a checkout: it makes sure of the right Node before anything native is loaded. */
import { fileURLToPath } from 'node:url';
import { hasRightNode, hideTypeScriptNotice, startUnderOwnNode } from './right-node.js';

if (hasRightNode()) {
  hideTypeScriptNotice();
  const { runMain } = await import('./run-main.ts');
  await runMain();
} else {
  await startUnderOwnNode(fileURLToPath(import.meta.url));
}
