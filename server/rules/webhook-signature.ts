/** Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over id, time and body, by secrets that begin with `whsec_`. */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** "Random. At least 24 bytes (192 bits, 512 maximum)." */
const MIN_BYTES = 24;
const MAX_BYTES = 64;

export const SECRET_FORM = `A secret is “${PREFIX}” and ${MIN_BYTES} to ${MAX_BYTES} bytes in base64.`;

export function webhookSecret(bytes: Uint8Array): string {
  return PREFIX + Buffer.from(bytes).toString('base64');
}

export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  const bytes = bytesOf(text);
  // Node reads over what is no base64.
  return bytes.length >= MIN_BYTES && bytes.length <= MAX_BYTES && webhookSecret(bytes) === text;
}

/** One for each secret, the newest first: whoever knows any of them can verify the message. `sentAt`: seconds since 1970. */
export function signWebhook(secrets: readonly string[], id: string, sentAt: number, body: string): string {
  return secrets
    .map((secret) => `v1,${createHmac('sha256', bytesOf(secret)).update(`${id}.${sentAt}.${body}`).digest('base64')}`)
    .join(' ');
}

function bytesOf(secret: string): Buffer {
  return Buffer.from(secret.slice(PREFIX.length), 'base64');
}
