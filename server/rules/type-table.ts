/** The table of file types that are known by name: media type, extensions, family, and what clients call them. */

/**
 * How far the bytes name a type. `binary`: exactly. Every other family is a container or an encoding shared by all types
 * of the family: the bytes name the family, the extension picks within it.
 */
export type TypeFamily =
  | 'binary'
  | 'text'
  | 'zip'
  | 'ole-office'
  | 'iso-media'
  | 'heif'
  | 'tiff'
  | 'ogg'
  | 'webm'
  | 'matroska'
  | 'asf'
  | 'jpeg-2000';

export type FileType = {
  /** Canonical media type: what is stored and sent. */
  mimeType: string;
  family: TypeFamily;
  /** Lower case, without dot; the first is the one that stored files get. */
  extensions: readonly string[];
  /** For a sentence such as “its contents are a PNG picture”. */
  label: string;
  /** Other names of exactly this type. */
  aliases: readonly string[];
  /** Types of something else which common clients nevertheless send for this one. */
  sloppyTypes: readonly string[];
};

/** The default of a family comes first: what it is taken for when neither extension nor declared type picks. */
export const TYPES: readonly FileType[] = [
  type('binary', 'image/jpeg', 'jpg jpeg jpe jfif pjpeg pjp', 'a JPEG picture', 'image/jpg image/pjpeg image/x-jpeg'),
  type('binary', 'image/png', 'png apng', 'a PNG picture', 'image/x-png image/apng image/vnd.mozilla.apng'),
  type('binary', 'image/gif', 'gif', 'a GIF picture'),
  type('binary', 'image/webp', 'webp', 'a WebP picture'),
  type('binary', 'image/bmp', 'bmp dib', 'a BMP picture', 'image/x-bmp image/x-ms-bmp image/x-windows-bmp'),
  type('binary', 'image/x-icon', 'ico cur', 'an icon', 'image/vnd.microsoft.icon image/ico'),
  type('binary', 'image/jxl', 'jxl', 'a JPEG XL picture'),
  type(
    'binary',
    'image/vnd.adobe.photoshop',
    'psd',
    'a Photoshop picture',
    'image/psd image/x-psd application/photoshop',
  ),
  type('heif', 'image/heic', 'heic heics', 'a HEIC picture', 'image/heic-sequence'),
  type('heif', 'image/heif', 'heif heifs hif', 'a HEIF picture', 'image/heif-sequence'),
  type('heif', 'image/avif', 'avif avifs', 'an AVIF picture', 'image/avif-sequence'),
  type('tiff', 'image/tiff', 'tiff tif', 'a TIFF picture', 'image/tif image/x-tiff'),
  type('tiff', 'image/x-adobe-dng', 'dng', 'a raw photo', 'image/dng'),
  type('tiff', 'image/x-canon-cr2', 'cr2', 'a raw photo'),
  type('tiff', 'image/x-nikon-nef', 'nef', 'a raw photo'),
  type('tiff', 'image/x-sony-arw', 'arw', 'a raw photo'),
  type('jpeg-2000', 'image/jp2', 'jp2', 'a JPEG 2000 picture', 'image/jpeg2000'),
  type('jpeg-2000', 'image/jpx', 'jpx jpf', 'a JPEG 2000 picture'),

  type(
    'binary',
    'audio/mpeg',
    'mp3 mp2 mpga',
    'an MP3',
    'audio/mp3 audio/x-mp3 audio/mpeg3 audio/x-mpeg audio/mpg audio/x-mpg',
  ),
  type('binary', 'audio/aac', 'aac', 'an AAC recording', 'audio/aacp audio/x-aac audio/x-hx-aac-adts'),
  type('binary', 'audio/wav', 'wav wave', 'a WAV recording', 'audio/x-wav audio/wave audio/vnd.wave audio/x-pn-wav'),
  type('binary', 'audio/flac', 'flac', 'a FLAC recording', 'audio/x-flac'),
  type('binary', 'audio/aiff', 'aiff aif aifc', 'an AIFF recording', 'audio/x-aiff'),
  type('binary', 'audio/amr', 'amr awb', 'an AMR recording', 'audio/amr-wb audio/x-amr'),
  type('binary', 'audio/x-caf', 'caf', 'a CAF recording', 'audio/caf'),
  type('binary', 'audio/midi', 'mid midi', 'a MIDI file', 'audio/mid audio/x-midi audio/x-mid'),
  type(
    'ogg',
    'audio/ogg',
    'ogg oga opus spx',
    'an Ogg recording',
    'audio/opus audio/x-ogg audio/vorbis audio/x-vorbis+ogg',
  ),
  type('ogg', 'video/ogg', 'ogv ogg', 'an Ogg video', 'video/x-ogg'),
  type('ogg', 'application/ogg', 'ogx ogg', 'an Ogg file'),

  type('iso-media', 'video/mp4', 'mp4 mp4v f4v mpg4', 'an MP4', 'application/mp4 video/x-mp4'),
  type(
    'iso-media',
    'audio/mp4',
    'm4a m4b m4r mp4 f4a',
    'an MP4 recording',
    'audio/x-m4a audio/m4a audio/x-m4b audio/x-m4r audio/x-mp4',
  ),
  type('iso-media', 'video/quicktime', 'mov qt', 'a QuickTime video'),
  type('iso-media', 'video/x-m4v', 'm4v', 'an MP4 video', 'video/m4v'),
  type('iso-media', 'video/3gpp', '3gp 3gpp', 'a 3GP video', 'video/3gp'),
  type('iso-media', 'audio/3gpp', '3gp 3gpp', 'a 3GP recording', 'audio/3gp'),
  type('iso-media', 'video/3gpp2', '3g2', 'a 3GP video', 'audio/3gpp2'),
  type('webm', 'video/webm', 'webm', 'a WebM video'),
  type('webm', 'audio/webm', 'weba webm', 'a WebM recording'),
  type('matroska', 'video/x-matroska', 'mkv', 'a Matroska video', 'video/matroska video/mkv'),
  type('matroska', 'audio/x-matroska', 'mka', 'a Matroska recording', 'audio/matroska'),
  type('asf', 'video/x-ms-wmv', 'wmv', 'a Windows video', 'video/wmv'),
  type('asf', 'audio/x-ms-wma', 'wma', 'a Windows recording', 'audio/wma audio/x-ms-asf'),
  type('asf', 'video/x-ms-asf', 'asf', 'a Windows video', 'application/vnd.ms-asf'),
  type('binary', 'video/x-msvideo', 'avi', 'an AVI video', 'video/avi video/msvideo video/vnd.avi'),
  type(
    'binary',
    'video/mpeg',
    'mpg mpeg mpe vob m2v m1v',
    'an MPEG video',
    'video/mpg video/x-mpeg video/mp2p video/mp1s',
  ),
  type('binary', 'video/mp2t', 'mts m2ts', 'an MPEG video', 'video/vnd.dlna.mpeg-tts'),
  type('binary', 'video/x-flv', 'flv', 'a Flash video', 'video/flv'),

  type('binary', 'application/pdf', 'pdf', 'a PDF', 'application/x-pdf application/acrobat text/pdf'),
  type(
    'binary',
    'application/rtf',
    'rtf',
    'an RTF document',
    'text/rtf application/x-rtf text/richtext',
    'application/msword',
  ),
  type(
    'binary',
    'application/postscript',
    'ps eps',
    'a PostScript file',
    'application/eps image/x-eps application/x-eps',
  ),

  type('text', 'text/plain', 'txt text log', 'a text file', '', 'application/txt application/x-empty inode/x-empty'),
  type(
    'text',
    'text/csv',
    'csv',
    'a CSV table',
    'text/comma-separated-values application/csv text/x-csv application/x-csv',
    'application/vnd.ms-excel',
  ),
  type('text', 'text/tab-separated-values', 'tsv tab', 'a table', '', 'application/vnd.ms-excel'),
  type('text', 'text/markdown', 'md markdown', 'a Markdown file', 'text/x-markdown'),
  type('text', 'text/calendar', 'ics ical', 'a calendar entry', 'application/ics text/x-vcalendar'),
  type('text', 'text/vcard', 'vcf vcard', 'a contact card', 'text/x-vcard text/directory'),
  type('text', 'text/vtt', 'vtt', 'subtitles'),
  type('text', 'application/x-subrip', 'srt', 'subtitles', 'text/srt text/x-srt application/srt'),
  type('text', 'application/json', 'json', 'a JSON file', 'text/json application/x-json'),
  type('text', 'application/yaml', 'yaml yml', 'a YAML file', 'text/yaml text/x-yaml application/x-yaml'),
  type('text', 'application/xml', 'xml', 'an XML file', 'text/xml application/x-xml'),

  type('ole-office', 'application/x-ole-storage', '', 'an old office document', 'application/x-cfb'),
  type('ole-office', 'application/msword', 'doc', 'a Word document', 'application/vnd.ms-word application/doc'),
  type(
    'ole-office',
    'application/vnd.ms-excel',
    'xls xlt',
    'an Excel table',
    'application/x-excel application/x-msexcel application/xls',
  ),
  type(
    'ole-office',
    'application/vnd.ms-powerpoint',
    'ppt pps',
    'a PowerPoint document',
    'application/mspowerpoint application/x-mspowerpoint',
  ),
  type('ole-office', 'application/vnd.ms-outlook', 'msg', 'an Outlook message'),
  type('ole-office', 'application/vnd.visio', 'vsd', 'a Visio drawing'),

  type('zip', 'application/zip', 'zip', 'a ZIP file', 'application/x-zip-compressed application/x-zip multipart/x-zip'),
  openXml('wordprocessingml.document', 'docx', 'a Word document', 'application/msword'),
  openXml('wordprocessingml.template', 'dotx', 'a Word template', 'application/msword'),
  openXml('spreadsheetml.sheet', 'xlsx', 'an Excel table', 'application/vnd.ms-excel'),
  openXml('spreadsheetml.template', 'xltx', 'an Excel template', 'application/vnd.ms-excel'),
  openXml('presentationml.presentation', 'pptx', 'a PowerPoint document', 'application/vnd.ms-powerpoint'),
  openXml('presentationml.slideshow', 'ppsx', 'a PowerPoint show', 'application/vnd.ms-powerpoint'),
  openXml('presentationml.template', 'potx', 'a PowerPoint template', 'application/vnd.ms-powerpoint'),
  type(
    'zip',
    'application/vnd.oasis.opendocument.text',
    'odt',
    'an OpenDocument text',
    'application/x-vnd.oasis.opendocument.text',
  ),
  type(
    'zip',
    'application/vnd.oasis.opendocument.spreadsheet',
    'ods',
    'an OpenDocument table',
    'application/x-vnd.oasis.opendocument.spreadsheet',
  ),
  type(
    'zip',
    'application/vnd.oasis.opendocument.presentation',
    'odp',
    'an OpenDocument presentation',
    'application/x-vnd.oasis.opendocument.presentation',
  ),
  type('zip', 'application/vnd.oasis.opendocument.graphics', 'odg', 'an OpenDocument drawing'),
  type('zip', 'application/epub+zip', 'epub', 'an e-book'),
  type('zip', 'application/vnd.apple.pages', 'pages', 'a Pages document', 'application/x-iwork-pages-sffpages'),
  type('zip', 'application/vnd.apple.numbers', 'numbers', 'a Numbers table', 'application/x-iwork-numbers-sffnumbers'),
  type('zip', 'application/vnd.apple.keynote', 'key', 'a Keynote presentation', 'application/x-iwork-keynote-sffkey'),

  type('binary', 'application/vnd.rar', 'rar', 'a RAR file', 'application/x-rar-compressed application/x-rar'),
  type('binary', 'application/x-7z-compressed', '7z', 'a 7-Zip file'),
  type('binary', 'application/gzip', 'gz tgz', 'a compressed file', 'application/x-gzip application/x-gunzip'),
  type('binary', 'application/x-bzip2', 'bz2', 'a compressed file', 'application/x-bzip'),
  type('binary', 'application/x-xz', 'xz', 'a compressed file'),
  type('binary', 'application/zstd', 'zst', 'a compressed file'),
  type('binary', 'application/x-tar', 'tar', 'a TAR file'),
  type('binary', 'application/vnd.sqlite3', 'sqlite sqlite3', 'a database', 'application/x-sqlite3'),
  type('binary', 'font/ttf', 'ttf', 'a font', 'application/x-font-ttf'),
  type('binary', 'font/otf', 'otf', 'a font', 'application/x-font-otf'),
  type('binary', 'font/woff', 'woff', 'a font', 'application/font-woff'),
  type('binary', 'font/woff2', 'woff2', 'a font'),
];

function openXml(subtype: string, extension: string, label: string, sloppyTypes: string): FileType {
  return type('zip', `application/vnd.openxmlformats-officedocument.${subtype}`, extension, label, '', sloppyTypes);
}

/** Lists are written as words with spaces between them, so that a type is one line of the table. */
function type(
  family: TypeFamily,
  mimeType: string,
  extensions: string,
  label: string,
  aliases = '',
  sloppyTypes = '',
): FileType {
  return {
    mimeType,
    family,
    extensions: words(extensions),
    label,
    aliases: words(aliases),
    sloppyTypes: words(sloppyTypes),
  };
}

function words(list: string): readonly string[] {
  return list === '' ? [] : list.split(' ');
}
