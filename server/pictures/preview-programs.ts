/** The programs that make a picture of what our own decoder does not know: which there are, and how each is called. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { PreviewKind } from '../rules/preview-types.ts';
import { MAX_PICTURE_PIXELS, THUMBNAIL_PX } from './limits.ts';

export type ProgramKind = Exclude<PreviewKind, 'picture'>;
/** By kind, where each is. */
export type PreviewPrograms = Readonly<Partial<Record<ProgramKind, string>>>;

/** The newer name first. `debianPackage`: where an operator finds it. */
export const PREVIEW_PROGRAMS: Record<ProgramKind, { commands: readonly string[]; debianPackage: string }> = {
  heic: { commands: ['heif-dec', 'heif-convert'], debianPackage: 'libheif-examples' },
  pdf: { commands: ['pdftoppm'], debianPackage: 'poppler-utils' },
  video: { commands: ['ffmpeg'], debianPackage: 'ffmpeg' },
};

/** What a program reads: the file itself, opened already, so that no name of anybody is among its words. */
const INPUT = '/dev/stdin';
/** `heif-convert` writes to what its last word names, in the format of its ending. The folder that it runs in has it lead to its output. */
export const HEIC_OUTPUT = 'picture.jpg';
const JPEG_QUALITY = '92';

/** What ffmpeg may take a file for, by its type: one container for each, so that a playlist is never read as one. */
const DEMUXERS: Record<string, string> = {
  'video/mp4': 'mov',
  'video/quicktime': 'mov',
  'video/x-m4v': 'mov',
  'video/3gpp': 'mov',
  'video/3gpp2': 'mov',
  'video/webm': 'matroska',
  'video/x-matroska': 'matroska',
  'video/ogg': 'ogg',
  'video/x-msvideo': 'avi',
};
/** By all the names that a demuxer has for itself. */
const DEMUXER_NAMES = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,avi';
/** What cameras, phones and browsers write. */
const DECODERS = 'h264,hevc,vp8,vp9,av1,libdav1d,libaom-av1,mpeg4,h263,theora,mjpeg';
/** Key frames of these seconds are looked at, and the first that is not black is taken: many films begin so. */
const LOOKED_AT_SECONDS = '8';
/** By ffmpeg's own measure, in hundredths of the frame. */
const NOT_BLACK = 'blackframe=amount=0,metadata=mode=select:key=lavfi.blackframe.pblack:value=95:function=less';
const SQUARE_PIXELS = 'scale=iw*sar:ih,setsar=1';

/** Looked for once, at the start. `folders`: of PATH. Windows has no limits for a program, so none is run there. */
export function findPreviewPrograms(folders: readonly string[]): PreviewPrograms {
  if (process.platform === 'win32') return {};
  const found = Object.entries(PREVIEW_PROGRAMS).map(([kind, { commands }]) => [kind, findProgram(commands, folders)]);
  return Object.fromEntries(found.filter(([, program]) => program !== undefined));
}

function findProgram(commands: readonly string[], folders: readonly string[]): string | undefined {
  return commands.flatMap((command) => folders.map((folder) => path.join(folder, command))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The program's words, and others for where these make nothing. All are ours: nothing that a client said is among them. None: it
 * is not made of this type.
 */
export function wordsFor(kind: ProgramKind, mimeType: string): readonly (readonly string[])[] {
  if (kind === 'heic') return [['-q', JPEG_QUALITY, '--quiet', INPUT, HEIC_OUTPUT]];
  if (kind === 'pdf')
    return [['-q', '-f', '1', '-l', '1', '-singlefile', '-png', '-scale-to', String(THUMBNAIL_PX), INPUT]];
  const demuxer = Object.hasOwn(DEMUXERS, mimeType) ? DEMUXERS[mimeType] : undefined;
  if (demuxer === undefined) return [];
  return [ffmpegWords(demuxer, `${NOT_BLACK},${SQUARE_PIXELS}`), ffmpegWords(demuxer, SQUARE_PIXELS)];
}

function ffmpegWords(demuxer: string, filters: string): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error', '-filter_threads', '1'],
    // What it reads: this file and no address, in this form and no other.
    ...['-protocol_whitelist', 'file', '-format_whitelist', DEMUXER_NAMES, '-codec_whitelist', DECODERS],
    ...['-threads', '1', '-max_pixels', String(MAX_PICTURE_PIXELS), '-skip_frame', 'nokey'],
    // A QuickTime file may name others that its film lies in.
    ...(demuxer === 'mov' ? ['-enable_drefs', '0', '-use_absolute_path', '0'] : []),
    ...['-t', LOOKED_AT_SECONDS, '-f', demuxer, '-i', `file:${INPUT}`],
    ...['-map', '0:v:0', '-an', '-sn', '-dn', '-vf', filters],
    ...['-frames:v', '1', '-threads', '1', '-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2pipe', 'pipe:1'],
  ];
}
