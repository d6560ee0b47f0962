/** What the company's allowed types mean for what is offered, for the file dialog, and for files that need not be sent to be refused. */

/** `patterns` as the server tells them: exact types, `image/*`, `*`. */
export function isAllowed(type: string, patterns: readonly string[]): boolean {
  return patterns.some(
    (pattern) =>
      pattern === type ||
      /^\*(\/\*)?$/.test(pattern) ||
      (pattern.endsWith('/*') && type.startsWith(pattern.slice(0, -1))),
  );
}

/** What only these extensions can be, so that the dialog shows all such files. Text is not here: it has any extension. */
const EXTENSIONS: Record<string, string> = {
  'application/pdf': '.pdf',
  'application/rtf': '.rtf',
  'application/msword': '.doc,.dot',
  'application/vnd.ms-excel': '.xls,.xlt',
  'application/vnd.ms-powerpoint': '.ppt,.pps,.pot',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': '.docx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': '.xlsx',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': '.pptx',
  'application/vnd.oasis.opendocument.text': '.odt',
  'application/vnd.oasis.opendocument.spreadsheet': '.ods',
  'application/vnd.oasis.opendocument.presentation': '.odp',
  'application/zip': '.zip',
};
/** Android's providers know these types of their files; of a document they often know nothing, and would hide it. */
const KNOWN_TO_ANDROID = /^((image|audio|video)\/|application\/pdf$)/;

/**
 * For the file input: undefined shows every file. It is set only where it hides nothing that may be sent; the server
 * decides by the bytes in any case.
 */
export function acceptOf(
  patterns: readonly string[],
  isAndroid = /android/i.test(navigator.userAgent),
): string | undefined {
  const parts = patterns.map((pattern) => {
    if (isAndroid && !KNOWN_TO_ANDROID.test(pattern)) return null;
    if (/^(image|audio|video)\//.test(pattern)) return pattern;
    return EXTENSIONS[pattern] ? `${pattern},${EXTENSIONS[pattern]}` : null;
  });
  return parts.includes(null) || parts.length === 0 ? undefined : parts.join(',');
}

/** Refused by the server under every setting: what a double click runs. The commonest; the server knows the rest. */
const RUNS =
  /\.(exe|com|scr|msi|msix|bat|cmd|ps1|vbs|js|mjs|jse|wsf|hta|lnk|url|reg|jar|apk|app|dmg|pkg|deb|rpm|sh|py|php|html?|xhtml|svgz?|docm|xlsm|pptm)$/i;
/** A picture's type is known from its extension alone, and these are the names that the server has for it. */
const PICTURE = /^image\/(\*|png|jpeg|gif|webp|avif|bmp|tiff|heic|heif)$/;

/** Why this file is refused for certain; null sends it, and the bytes decide. */
export function certainRefusal(file: File, patterns: readonly string[]): 'executable' | 'type-not-allowed' | null {
  if (RUNS.test(file.name)) return 'executable';
  return isCertainlyOther(file.type, patterns) ? 'type-not-allowed' : null;
}

/** Text, office documents and archives are called too many things to be sure. */
function isCertainlyOther(type: string, patterns: readonly string[]): boolean {
  if (PICTURE.test(type)) {
    // An alias on the list (`image/jpg`) is the server's to understand.
    return !isAllowed(type, patterns) && patterns.every((each) => !each.startsWith('image/') || PICTURE.test(each));
  }
  // A sound and a video may be one container.
  if (/^(audio|video)\//.test(type)) return !allowsFamily('audio/', patterns) && !allowsFamily('video/', patterns);
  return type === 'application/pdf' && !isAllowed(type, patterns) && !patterns.some((each) => each.includes('pdf'));
}

/** `prefix`: `audio/`. */
export function allowsFamily(prefix: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => pattern.startsWith(prefix) || /^\*(\/\*)?$/.test(pattern));
}
