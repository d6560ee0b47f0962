#!/usr/bin/env node
/** The entry of the built server: its script lies beside it, with what V8 has prepared of it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { loadScript } from './prepared/load-script.ts';
import { preparedName, scriptName } from './prepared/script-files.ts';
import { hasRightNode, hideTypeScriptNotice, startUnderOwnNode } from './right-node.js';

/** Of the script: the build puts it in. */
declare const CHATDROP_SCRIPT_HASH: string;

if (hasRightNode()) {
  hideTypeScriptNotice();
  const script = path.join(__dirname, scriptName(CHATDROP_SCRIPT_HASH));
  // One byte for each letter, as the bundle is written.
  const code = readFileSync(script, 'latin1');
  loadScript(code, script, readPrepared()).run(createRequire(script));
} else {
  void startUnderOwnNode(__filename);
}

/** Undefined where it was built on another kind of machine, or for another Node. */
function readPrepared(): Buffer | undefined {
  try {
    return readFileSync(path.join(__dirname, preparedName(CHATDROP_SCRIPT_HASH)));
  } catch {
    return undefined;
  }
}
