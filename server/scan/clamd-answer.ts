/** What clamd's answers mean. Only one of them is clean. */
import type { Verdict } from './scanner.ts';

const CLEAN = 'stream: OK';
const TOO_LARGE = 'INSTREAM size limit exceeded. ERROR';
const FOUND = /^stream: (.+) FOUND$/;
/** `AlertEncrypted` and its kin. */
const ENCRYPTED = /^Heuristics\.Encrypted(?:\.|$)/;
/** `AlertExceedsMax`: a part of the file was not looked at. */
const LIMITS = /^Heuristics\.Limits\.Exceeded(?:\.|$)/;
/** What clamd 1 says of a file that takes longer than `MaxScanTime`, and always will. */
const TOO_LONG = /Time limit reached/i;

/** @returns null for whatever else it says: a fault of the scanner, which may pass */
export function verdictOf(answer: string): Verdict | null {
  if (answer === CLEAN) return { is: 'clean' };
  if (answer === TOO_LARGE) return { is: 'unscannable', why: 'too-large' };
  const signature = FOUND.exec(answer)?.[1];
  if (signature === undefined) return TOO_LONG.test(answer) ? { is: 'unscannable', why: 'limits' } : null;
  if (ENCRYPTED.test(signature)) return { is: 'unscannable', why: 'encrypted' };
  if (LIMITS.test(signature)) return { is: 'unscannable', why: 'limits' };
  return { is: 'infected', signature };
}

/** Whether a length was refused as longer than `StreamMaxLength`. */
export function saysTooLarge(answer: string): boolean {
  return answer === TOO_LARGE;
}
