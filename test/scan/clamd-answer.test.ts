/** What clamd's answers are taken for: one of them is clean, and whatever is not understood is a fault. */
import { expect, test } from 'vitest';
import { verdictOf } from '../../server/scan/clamd-answer.ts';

test.each([
  ['stream: OK', { is: 'clean' }],
  ['stream: Eicar-Test-Signature FOUND', { is: 'infected', signature: 'Eicar-Test-Signature' }],
  ['stream: Win.Test OK FOUND', { is: 'infected', signature: 'Win.Test OK' }],
  ['stream: Heuristics.Phishing.Email FOUND', { is: 'infected', signature: 'Heuristics.Phishing.Email' }],
  ['stream: Heuristics.EncryptedByNobody FOUND', { is: 'infected', signature: 'Heuristics.EncryptedByNobody' }],
  ['stream: Heuristics.Encrypted.Zip FOUND', { is: 'unscannable', why: 'encrypted' }],
  ['stream: Heuristics.Encrypted.PDF FOUND', { is: 'unscannable', why: 'encrypted' }],
  ['stream: Heuristics.Limits.Exceeded FOUND', { is: 'unscannable', why: 'limits' }],
  ['stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND', { is: 'unscannable', why: 'limits' }],
  ['stream: Time limit reached ERROR', { is: 'unscannable', why: 'limits' }],
  ['INSTREAM size limit exceeded. ERROR', { is: 'unscannable', why: 'too-large' }],
  ['', null],
  ['OK', null],
  ['stream: ok', null],
  ['stream: OK ', null],
  ['stream: OK\n', null],
  ['stream: OKAY', null],
  [' stream: OK', null],
  ['1: stream: OK', null],
  ['stream:  FOUND', null],
  ['stream: Can’t allocate memory ERROR', null],
  ['COMMAND READ TIMED OUT', null],
  ['UNKNOWN COMMAND', null],
])('%j', (answer, verdict) => {
  expect(verdictOf(answer)).toEqual(verdict);
});
