/** The virus scanner: it answers, and takes files as large as the server does. */
import { sizeInWords } from '../../rules/size-words.ts';
import type { Clamd } from '../../scan/clamd.ts';
import { type Check, ill, messageOf, well } from './check.ts';

type Needs = { scanner: Pick<Clamd, 'ping' | 'version' | 'maxBytes'>; maxFileSizeBytes: number };

const NAME = 'scanner';

export async function checkScanner({ scanner, maxFileSizeBytes }: Needs): Promise<Check> {
  try {
    await scanner.ping();
    const version = await scanner.version();
    const takenBytes = await scanner.maxBytes(maxFileSizeBytes);
    if (takenBytes >= maxFileSizeBytes)
      return well(NAME, `${version}; it takes files of ${sizeInWords(maxFileSizeBytes)}`);
    return ill(
      NAME,
      `${version} takes files up to ${sizeInWords(takenBytes)} only, and CHAT_MAX_FILE_SIZE is ${sizeInWords(maxFileSizeBytes)}`,
      'Raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf, or lower CHAT_MAX_FILE_SIZE.',
    );
  } catch (error) {
    return ill(
      NAME,
      `clamd does not answer: ${messageOf(error)}`,
      'Is clamd running, and is CLAMAV_URL right? It loads its signatures for a minute or so at its start.',
    );
  }
}
