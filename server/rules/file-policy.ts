/** Which files may be shared: decided from what is declared before the bytes, and from the first bytes when they are here. */
import { detectType, HEAD_BYTES } from './detect-type.ts';
import { cleanFileName, extensionOf as extensionOfName } from './file-name.ts';
import { typeNamed } from './file-types.ts';
import { forbiddenByBytes } from './forbidden-bytes.ts';
import { forbiddenByExtension, forbiddenByType } from './forbidden-types.ts';
import { forbidden, notAllowed, tooLarge } from './refusals.ts';
import { type Declared, type Stated, statedTypes } from './stated-types.ts';
import { type AgreedType, agreeOnType } from './type-agreement.ts';
import { isTypeAllowed } from './type-patterns.ts';
import type { FileType } from './type-table.ts';
import { zipNamesInHead } from './zip-head.ts';
import { forbiddenPackage } from './zip-packages.ts';

export type FilePolicy = {
  maxFileSizeBytes: number;
  /** Types, `image/*` or `*`: see `isTypeAllowed`. */
  allowedTypes: readonly string[];
  /** Documents and archives that need a password; let in if left out. */
  refuseEncrypted?: boolean;
  /** By the header of a picture; not looked at if left out. */
  maxImagePixels?: number;
};

export type DecidedType = {
  /** What the bytes are, canonical and without parameters; `application/octet-stream` for unknown bytes under `*`. */
  mimeType: string;
  /** With its dot, from our table, the canonical one of the type (`.jpg` for `photo.JPEG`); '' for types that are not in it. */
  extension: string;
};

/**
 * Refuses what can be refused before any byte is here; `sizeBytes` null means that the size is not known yet. Throws
 * `Failure`: `executable` by name or declared type, `file-too-large` (413), `type-not-allowed`. What is not declared, and
 * an extension that nobody knows, is no fault: the bytes decide.
 */
export function checkDeclared(file: Declared & { sizeBytes: number | null }, policy: FilePolicy): void {
  const stated = statedTypes(file);
  refuseForbiddenNames(file, stated);
  const isTooLarge = file.sizeBytes !== null && file.sizeBytes > policy.maxFileSizeBytes;
  if (isTooLarge) throw tooLarge(file.name, policy.maxFileSizeBytes);

  const { byExtension, byDeclaration } = stated;
  const allowsOneOf = (types: readonly FileType[]) => types.some((type) => allows(policy, type.mimeType));
  if (byExtension.length > 0 && !allowsOneOf(byExtension)) throw notAllowed(file.name, byExtension[0]?.label);
  // `text/plain` for a CSV is no other type: the extension picks within the family.
  const isOtherType = byDeclaration.length > 0 && !byDeclaration.some((type) => sharesFamily(type, byExtension));
  if (isOtherType && !allowsOneOf(byDeclaration)) throw notAllowed(file.name, byDeclaration[0]?.label);
  if (saysUnknownType(stated) && !allows(policy, stated.mimeType ?? '')) throw notAllowed(file.name, undefined);
}

/**
 * The type of the file from its first `HEAD_BYTES` (or from all its bytes: `complete`). Name, declared type and bytes must
 * agree; where the bytes name only a family the extension picks within it, and without one we know, the declared type.
 * Throws `Failure`: `executable`, `type-mismatch`, `type-not-allowed`; nothing else on any input.
 */
export async function decideType(
  head: Uint8Array,
  complete: boolean,
  file: Declared,
  policy: FilePolicy,
): Promise<DecidedType> {
  const stated = statedTypes(file);
  refuseForbiddenNames(file, stated);
  if (head.length === 0) return decideEmpty(file.name, stated, policy);
  const bytes = head.subarray(0, HEAD_BYTES);
  const kind = forbiddenByBytes(bytes) ?? forbiddenPackage(zipNamesInHead(bytes));
  if (kind !== undefined) throw forbidden(file.name, kind);
  const detected = await detectType(bytes, complete && head.length <= HEAD_BYTES);
  const detectedKind = forbiddenByType(detected.mimeType);
  if (detectedKind !== undefined) throw forbidden(file.name, detectedKind);
  const agreed = agreeOnType(file.name, stated, detected);
  if (!allows(policy, agreed.mimeType)) throw notAllowed(file.name, agreed.label);
  return decided(agreed);
}

function refuseForbiddenNames(file: Declared, stated: Stated): void {
  const extensions = [stated.extension, ...savedNames(file.name).map(extensionOfName)];
  const kind = extensions.map(forbiddenByExtension).find(Boolean) ?? forbiddenByType(file.declaredType ?? '');
  if (kind !== undefined) throw forbidden(file.name, kind);
}

/**
 * What Windows may make of the name when the file is saved: wide letters become plain ones in old programs, and what follows a
 * colon is a stream of the file before it.
 */
function savedNames(name: string): string[] {
  const plain = name.normalize('NFKC');
  // As most are: it is saved as it is called.
  if (plain === name && !plain.includes(':')) return [];
  return [plain, plain.split(':')[0] ?? ''].map(cleanFileName);
}

/** With an extension that we know, an odd declared type is no matter; and text has a thousand names (`text/x-log`). */
function saysUnknownType({ mimeType, byExtension, byDeclaration }: Stated): boolean {
  const saysNothingKnown = byExtension.length === 0 && byDeclaration.length === 0;
  return saysNothingKnown && mimeType !== null && !mimeType.startsWith('text/');
}

/** An empty file is what its extension says, else what was declared, else plain text: the first of these that is allowed. */
function decideEmpty(name: string, stated: Stated, policy: FilePolicy): DecidedType {
  const types = [...stated.byExtension, ...stated.byDeclaration, typeNamed('text/plain')];
  const type = types.find((candidate) => candidate !== undefined && allows(policy, candidate.mimeType));
  if (type === undefined) throw notAllowed(name, types[0]?.label);
  return decided(type);
}

function decided(type: AgreedType): DecidedType {
  return { mimeType: type.mimeType, extension: dotted(type.extensions?.[0]) };
}

/** Of the stored file, with its dot; none for a type that has none. */
export function extensionOf(mimeType: string): string {
  return dotted(typeNamed(mimeType)?.extensions[0]);
}

function dotted(extension: string | undefined): string {
  return extension === undefined ? '' : `.${extension}`;
}

function sharesFamily(type: FileType, others: readonly FileType[]): boolean {
  return others.some((other) => other === type || (other.family === type.family && type.family !== 'binary'));
}

function allows(policy: FilePolicy, mimeType: string): boolean {
  return isTypeAllowed(mimeType, policy.allowedTypes);
}
