/** The bucket: all that the server does there is tried, and what is refused is named with what allows it. */
import type { ProbeFault, ProbeS3 } from '../../storage/s3-probe.ts';
import { type Check, ill, messageOf, well } from './check.ts';

type Needs = { bucket: string; endpoint: string | undefined; probe: ProbeS3 };

const NAME = 'storage';
/** S3 refuses requests at 15 minutes; a link of one minute is bad much sooner. */
const MAX_CLOCK_DIFFERENCE_MS = 30_000;

export async function checkBucket({ bucket, endpoint, probe }: Needs): Promise<Check> {
  const place = `the bucket ${bucket} at ${endpoint ?? 'AWS'}`;
  try {
    const { clockDifferenceMs, probeBytes } = await probe();
    if (clockDifferenceMs !== null && Math.abs(clockDifferenceMs) > MAX_CLOCK_DIFFERENCE_MS)
      return ill(
        NAME,
        `the clock of ${place} differs by ${Math.round(clockDifferenceMs / 1000)} s from this machine’s`,
        'Set the clocks: requests and links are good or bad by the time that they were signed.',
      );
    return well(NAME, `${place}: a probe of ${probeBytes} bytes was written, copied, read and deleted`);
  } catch (error) {
    return ill(NAME, `${place}: ${messageOf(error)}`, remedyOf(error as ProbeFault));
  }
}

/** By the names that S3 has for what is wrong. */
const REMEDIES: Record<string, string> = {
  NoSuchBucket: 'Make the bucket, or correct AWS_STORAGE_BUCKET_NAME and AWS_S3_REGION_NAME.',
  PermanentRedirect: 'Set AWS_S3_REGION_NAME to the region of the bucket.',
  AuthorizationHeaderMalformed: 'Set AWS_S3_REGION_NAME to the region of the bucket.',
  InvalidAccessKeyId: 'Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  SignatureDoesNotMatch: 'Correct AWS_SECRET_ACCESS_KEY. A proxy before the store must not change the Host header.',
  CredentialsProviderError: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role.',
  RequestTimeTooSkewed: 'Set the clock of this machine.',
};

function remedyOf({ action, cause }: ProbeFault): string {
  const { name = '', $metadata } = (cause ?? {}) as { name?: string; $metadata?: { httpStatusCode?: number } };
  const known = REMEDIES[name];
  if (known !== undefined) return known;
  if ($metadata?.httpStatusCode === 403) return `Allow ${action} on the bucket.`;
  if ($metadata?.httpStatusCode === undefined)
    return 'Is AWS_S3_ENDPOINT_URL right (and https or http), and can this machine reach it?';
  return 'See the log of the store.';
}
