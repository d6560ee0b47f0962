/** Whether pictures get thumbnails on this machine, and which programs there are for what is none. */
import type { Config } from '../../config.ts';
import { PREVIEW_PROGRAMS, type PreviewPrograms, type ProgramKind } from '../../pictures/preview-programs.ts';
import { type Check, ill, well } from './check.ts';

type Needs = {
  /** What keeps it from starting, or null. */
  askDecoder(): Promise<string | null>;
  previewPrograms: PreviewPrograms;
};

const NAME = 'thumbnails';
const WORDS: Record<ProgramKind, string> = { heic: 'HEIC', pdf: 'PDF', video: 'videos' };

export async function checkPictures(
  { thumbnails }: Pick<Config, 'thumbnails'>,
  { askDecoder, previewPrograms }: Needs,
): Promise<Check> {
  if (!thumbnails) return well(NAME, 'none are made: THUMBNAILS is off');
  const fault = await askDecoder();
  if (fault !== null)
    return ill(NAME, `the decoder does not start: ${fault}`, 'Run npm ci on this machine, or set THUMBNAILS=false.');
  const programs = Object.keys(WORDS).map((kind) => programWords(kind as ProgramKind, previewPrograms));
  return well(NAME, ['of JPEG, PNG, WebP, GIF, AVIF and TIFF', ...programs].join('; '));
}

function programWords(kind: ProgramKind, programs: PreviewPrograms): string {
  const { commands, debianPackage } = PREVIEW_PROGRAMS[kind];
  const program = programs[kind];
  if (program !== undefined) return `of ${WORDS[kind]} by ${program}`;
  return `not of ${WORDS[kind]}: ${commands.join(' or ')} is not on PATH (Debian: ${debianPackage})`;
}
