/** The port to the virus scanner: bytes in, a verdict out. Fails closed: whoever asks gets a verdict or an error, never a guess. */

export type Verdict =
  | { is: 'clean' }
  | { is: 'infected'; signature: string }
  /** The scanner cannot say: too large for it, encrypted, too much in it. */
  | { is: 'unscannable'; why: UnscannableReason };

export type UnscannableReason = 'too-large' | 'encrypted' | 'limits';

/** What is scanned. `open` is called when it is its turn, and what it gives is read at the scanner's pace. */
export type ScanSubject = { sizeBytes: number; open(): Promise<AsyncIterable<Uint8Array>> };

export type Scanner = {
  /** @throws {Failure} `scanner-unavailable` when there is no verdict; what `open` and the reading throw, as it is */
  scan(subject: ScanSubject, signal: AbortSignal): Promise<Verdict>;
};
