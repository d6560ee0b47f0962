/** What a person reads when a file is refused for its size or type: one place for the words, plain English only. */
import { Failure } from './failure.ts';
import { cleanFileName } from './file-name.ts';
import type { ForbiddenKind } from './forbidden-types.ts';
import { sizeInWords } from './size-words.ts';
import type { ZipHazard } from './zip-hazards.ts';

/** A name is quoted up to this many UTF-16 units, so that the advice behind it stays in sight. */
const MAX_QUOTED_UNITS = 80;

const FORBIDDEN: Record<ForbiddenKind, readonly [what: string, advice: string]> = {
  program: ['a program', 'Choose a file that is not a program.'],
  script: ['a script', 'Choose another file, or send the text of it as a message.'],
  shortcut: ['a shortcut', 'Choose the file that it leads to, or send the link as a message.'],
  macro: ['a document with macros', 'Save it without macros and send that.'],
  'web-page': ['a web page', 'Save it as a PDF and send that.'],
  svg: ['an SVG picture', 'SVG pictures can contain scripts: save it as a PNG and send that.'],
};

const PACK_AGAIN = 'Pack the files again, or send them one by one.';
const HAZARDS: Record<ZipHazard, string> = {
  'too-many': 'it holds more files than are let in together. Send fewer at a time.',
  bomb: 'unpacked it would be many times larger. Send the files in it one by one.',
  nested: 'the archives in it hide how much they hold. Unpack those first, and send the files.',
  path: `a file in it would land outside of the folder that it is unpacked to. ${PACK_AGAIN}`,
  link: `it holds links instead of files. ${PACK_AGAIN}`,
  ambiguous: `it says two different things of what it holds. ${PACK_AGAIN}`,
};

/** 413: the file is larger than `maxFileSizeBytes`. */
export function tooLarge(name: string, maxFileSizeBytes: number): Failure {
  const limit = sizeInWords(maxFileSizeBytes);
  return new Failure(
    'file-too-large',
    `${quoted(name)} is larger than ${limit}, the most that can be sent here. Choose a smaller file.`,
  );
}

/** 415 `executable`: refused under every setting. */
export function forbidden(name: string, kind: ForbiddenKind): Failure {
  const [what, advice] = FORBIDDEN[kind];
  return new Failure('executable', `${quoted(name)} is ${what} and cannot be sent here. ${advice}`);
}

/** 415 `executable`: an archive holds what is refused outside of it. */
export function forbiddenInside(name: string, path: string, kind: ForbiddenKind): Failure {
  const [what] = FORBIDDEN[kind];
  const inside = path.split(/[\\/]/).at(-1) ?? '';
  return new Failure(
    'executable',
    `${quoted(name)} holds ${what} (${quoted(inside)}) and cannot be sent here. Take it out, pack the others again and send that.`,
  );
}

/** 413 `file-too-large`: a picture that is small as a file, and large when it is shown. */
export function tooManyPixels(name: string, maxPixels: number): Failure {
  const megapixels = Math.floor(maxPixels / 1_000_000);
  return new Failure(
    'file-too-large',
    `${quoted(name)} has more than ${megapixels} megapixels, the most that a picture may have here. Make it smaller and send it again.`,
  );
}

/** 415 `type-not-allowed`; `what` is the type with its article, or undefined when it is not known. */
export function notAllowed(name: string, what: string | undefined): Failure {
  const reason =
    what === undefined ? 'is of a type that is not allowed here' : `is ${what}, and such files are not allowed here`;
  return new Failure('type-not-allowed', `${quoted(name)} ${reason}. Choose a file of another type.`);
}

/** 415 `type-mismatch`: the name says `claimed`, the bytes are `found` (both with their article); undefined when they are nothing known. */
export function notWhatItsNameSays(name: string, claimed: string, found: string | undefined): Failure {
  const contents = found === undefined ? 'its contents are something else, or damaged' : `its contents are ${found}`;
  return new Failure(
    'type-mismatch',
    `${quoted(name)} is not ${claimed}: ${contents}. Choose the file again or rename it.`,
  );
}

/** 415 `type-mismatch`: the sender said `claimed`, the bytes are `found`. */
export function notWhatWasDeclared(name: string, claimed: string, found: string | undefined): Failure {
  const contents = found === undefined ? 'its contents are something else, or damaged' : `its contents are ${found}`;
  return new Failure(
    'type-mismatch',
    `${quoted(name)} was sent as ${claimed}, but ${contents}. Choose the file again.`,
  );
}

/** 415 `type-mismatch`: the bytes begin as `claimed` and are not whole. */
export function damaged(name: string, claimed: string): Failure {
  return new Failure(
    'type-mismatch',
    `${quoted(name)} is not ${claimed} that can be opened: it is damaged or incomplete. Open it on your device, save it again and send that.`,
  );
}

/** 422 `archive-refused`. */
export function unsafeArchive(name: string, hazard: ZipHazard): Failure {
  return new Failure('archive-refused', `${quoted(name)} cannot be sent here: ${HAZARDS[hazard]}`);
}

/** 422 `encrypted`; `what` with its article. */
export function encrypted(name: string, what: string): Failure {
  return new Failure(
    'encrypted',
    `${quoted(name)} is ${what} with a password, and such files cannot be sent here. Take the password off and send it again.`,
  );
}

function quoted(name: string): string {
  const clean = cleanFileName(name);
  if (clean.length <= MAX_QUOTED_UNITS) return `“${clean}”`;
  return `“${clean.slice(0, MAX_QUOTED_UNITS - 21).toWellFormed()}…${clean.slice(-20).toWellFormed()}”`;
}

/** One sentence for whoever brought it: what the virus is called helps nobody who did not know of it. */
export function infected(): Failure {
  return new Failure('infected', 'A virus was found in this file, so it was not shared. Check your device.');
}

const WHY_UNSCANNABLE = {
  'too-large': 'This file is larger than the virus scanner takes. Choose a smaller one.',
  encrypted: 'This file is encrypted, so it cannot be checked for viruses. Send it without a password.',
  limits: 'There is more in this file than the virus scanner looks at. Send what is in it one by one, not packed.',
} as const;

export function unscannable(why: keyof typeof WHY_UNSCANNABLE): Failure {
  return new Failure('unscannable', WHY_UNSCANNABLE[why]);
}
