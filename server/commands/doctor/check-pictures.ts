/** Whether pictures get thumbnails on this machine. */
import type { Config } from '../../config.ts';
import { type Check, ill, well } from './check.ts';

const NAME = 'thumbnails';

/** `askDecoder`: what keeps it from starting, or null. */
export async function checkPictures(
  { thumbnails }: Pick<Config, 'thumbnails'>,
  askDecoder: () => Promise<string | null>,
): Promise<Check> {
  if (!thumbnails) return well(NAME, 'none are made: THUMBNAILS is off');
  const fault = await askDecoder();
  if (fault === null) return well(NAME, 'of JPEG, PNG, WebP, GIF, AVIF and TIFF; not of HEIC, PDF and videos');
  return ill(NAME, `the decoder does not start: ${fault}`, 'Run npm ci on this machine, or set THUMBNAILS=false.');
}
