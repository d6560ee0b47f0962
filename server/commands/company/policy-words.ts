/** `name=value` on the command line → a field of a policy: sizes, durations and lists as in the settings. */
import {
  readBoolean,
  readDuration,
  readInteger,
  readList,
  readOrigin,
  readSize,
  readText,
} from '../../config-values.ts';
import {
  companyPolicySchema,
  type OwnPolicy,
  POLICY_NAMES,
  type PolicyName,
  policyFaults,
} from '../../rules/company-policy.ts';
import { isScopeId } from '../../rules/participant.ts';
import { UsageError } from '../command.ts';

type Read = (text: string) => unknown;

const readTypes = readList((entry) => entry.toLowerCase());
const readCount = readInteger(1, 1_000_000);
/** The word for null. */
const NO_BOUND = 'none';
const orNone =
  (read: Read): Read =>
  (text) =>
    text === NO_BOUND ? null : read(text);

const READERS: Record<PolicyName, Read> = {
  allowed_types_user: readTypes,
  allowed_types_agent: readTypes,
  max_file_size: readSize,
  uploads_per_minute: readCount,
  max_pending_uploads: readCount,
  max_files: readCount,
  max_pending_size: readSize,
  bytes_per_day: orNone(readSize),
  quota: orNone(readSize),
  retention_user_seconds: orNone(readDuration),
  retention_agent_seconds: orNone(readDuration),
  strip_metadata: readBoolean,
  compress_images: orNone(readInteger(640, 16_383)),
  scan_required: readBoolean,
  refuse_encrypted: readBoolean,
  allowed_origins: readList(readOrigin),
  jwks_url: readText,
  jwt_issuer: orNone(readText),
  jwt_audience: orNone(readText),
  server_keys: readBoolean,
};

/** @throws {UsageError} with every fault, a line each */
export function readPolicyWords(words: readonly string[]): OwnPolicy {
  const faults: string[] = [];
  const fields: Record<string, unknown> = {};
  for (const word of words) {
    const [name = '', value] = splitOnce(word);
    if (!isPolicyName(name)) faults.push(`${name}: there is no such field`);
    else if (value === undefined) faults.push(`${name}: lacks its value, as ${name}=…`);
    else if (Object.hasOwn(fields, name)) faults.push(`${name}: is there twice`);
    else fields[name] = readField(name, value, faults);
  }
  const read = companyPolicySchema.safeParse(fields);
  // What could not be read is no value, and has its fault already.
  if (!read.success) faults.push(...policyFaults(read.error));
  if (words.length === 0) throw new UsageError('Which field? As in: chatdrop company set acme max_file_size=50MB');
  if (faults.length > 0) throw faultyWords(faults);
  return read.data as OwnPolicy;
}

/** @throws {UsageError} */
export function readPolicyNames(words: readonly string[]): PolicyName[] {
  const faults = words.filter((word) => !isPolicyName(word)).map((word) => `${word}: there is no such field`);
  if (words.length === 0) throw new UsageError('Which field?');
  if (faults.length > 0) throw faultyWords(faults);
  return words.filter(isPolicyName);
}

/** @throws {UsageError} */
export function readCompany(word: string | undefined): string {
  if (isScopeId(word)) return word;
  throw new UsageError(
    word === undefined ? 'Which company?' : 'A company is 1 to 64 letters, digits, “_” or “-”, and comes first.',
  );
}

function faultyWords(faults: readonly string[]): UsageError {
  return new UsageError(
    `This is wrong:\n${faults.map((fault) => `- ${fault}`).join('\n')}\nFields: ${POLICY_NAMES.join(', ')}.`,
  );
}

function readField(name: PolicyName, value: string, faults: string[]): unknown {
  try {
    return READERS[name](value);
  } catch (fault) {
    faults.push(`${name}: “${value}” ${(fault as Error).message}`);
    return undefined;
  }
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function isPolicyName(text: string): text is PolicyName {
  return Object.hasOwn(READERS, text);
}
