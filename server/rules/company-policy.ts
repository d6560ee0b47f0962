/** What a company may have of its own, instead of what the settings say for all: its form, and what then holds. */
import * as z from 'zod';
import type { Uploader } from '../contract/chat-file.ts';
import type { Allowance } from './allowance.ts';
import type { FilePolicy } from './file-policy.ts';
import { isTypePattern } from './type-patterns.ts';

const MAX_TYPES = 200;
const MAX_ORIGINS = 100;
const MAX_TEXT_CHARACTERS = 2048;
/** 4 PB: every sum of sizes stays a whole number. */
const MAX_BYTES = 2 ** 52;
const MAX_RETENTION_SECONDS = 10 * 365 * 86_400;

const bytes = z.int().min(1).max(MAX_BYTES);
const count = z.int().min(1).max(1_000_000);
const seconds = z.int().min(1).max(MAX_RETENTION_SECONDS);
const text = z.string().min(1).max(MAX_TEXT_CHARACTERS);
/** Pixels of the longest side: no smaller than a thumbnail, no larger than WebP can be. */
const side = z.int().min(640).max(16_383);
const types = z
  .array(z.string().toLowerCase().refine(isTypePattern, 'is no type; image/png, image/* and * are'))
  .min(1)
  .max(MAX_TYPES);
const origins = z.array(text.refine(isOrigin, 'is no origin such as https://example.com')).max(MAX_ORIGINS);

/** Every field may be left out: then the settings hold. Null, where it is allowed, means that there is no bound. */
const FIELDS = {
  allowed_types_user: types.optional().describe('types that visitors may share; `image/*` and `*` work'),
  allowed_types_agent: types.optional().describe('types that agents may share'),
  max_file_size: bytes.optional().describe('bytes of the largest file'),
  uploads_per_minute: count.optional().describe('uploads a minute a user'),
  max_pending_uploads: count.optional().describe('unfinished uploads a user'),
  max_files: count.optional().describe('files that each side of a chat may have in it'),
  max_pending_size: bytes.optional().describe('bytes of these together'),
  bytes_per_day: bytes.nullable().optional().describe('bytes that the company may share in a day (UTC)'),
  quota: bytes.nullable().optional().describe('bytes of the company, shared and on their way'),
  retention_user_seconds: seconds.nullable().optional().describe('age at which files of visitors are deleted'),
  retention_agent_seconds: seconds.nullable().optional().describe('age at which files of agents are deleted'),
  strip_metadata: z.boolean().optional().describe('take place and camera out of pictures'),
  compress_images: side
    .nullable()
    .optional()
    .describe('longest side in pixels to which large pictures are made smaller'),
  scan_required: z.boolean().optional().describe('share only what the virus scanner has found clean'),
  refuse_encrypted: z.boolean().optional().describe('refuse archives and documents that are encrypted'),
  allowed_origins: origins.optional().describe('origins of the pages that may connect, instead of ALLOWED_ORIGINS'),
  jwks_url: text.refine(isJwksUrl, 'is no https address').optional().describe('JWK set with keys of the company'),
  jwt_issuer: text.nullable().optional().describe('what iss of a token by a key of the company must be'),
  jwt_audience: text.nullable().optional().describe('what aud of such a token must hold'),
  server_keys: z.boolean().optional().describe('whether the keys of the settings count beside keys of the company'),
};

/** As it is written and shown; a name that there is not is a fault. */
export const companyPolicySchema = z.strictObject(FIELDS);
/** As it was stored: a newer version may have written names that this one does not know. */
const storedSchema = z.object(FIELDS);

/** What a company has of its own. */
export type OwnPolicy = z.infer<typeof companyPolicySchema>;
export type PolicyName = keyof typeof FIELDS;
export const POLICY_NAMES = Object.keys(FIELDS) as PolicyName[];

/** What holds for a company: its own, else the settings. */
export type CompanyPolicy = Allowance & {
  maxFileSizeBytes: number;
  allowedTypes: Record<Uploader, readonly string[]>;
  uploadsPerMinute: number;
  /** Seconds after which a file is deleted, by who shared it; undefined: kept. */
  retentionSeconds: Record<Uploader, number | undefined>;
  stripMetadata: boolean;
  /** Undefined: pictures are stored as large as they come. */
  compressImagesPx: number | undefined;
  /** No file is shared that the virus scanner has not called clean, also where none is set up; otherwise none is scanned. */
  scanRequired: boolean;
  refuseEncrypted: boolean;
  /** The same for all companies. */
  maxImagePixels: number;
  allowedOrigins: readonly string[];
};

export type PolicyOf = (company: string) => Promise<CompanyPolicy>;

/** @throws {z.ZodError} when what is stored is not what any version wrote: nobody can say then what holds */
export function readStoredPolicy(json: string): OwnPolicy {
  return storedSchema.parse(JSON.parse(json));
}

/** Every fault of a policy, each with the name of its field. */
export function policyFaults(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')}: there is no such field`;
    return `${issue.path.join('.') || 'policy'}: ${issue.message}`;
  });
}

/**
 * The settings are defaults, no ceilings: what a company has of its own may be above or below them, since nobody but the
 * operator writes it.
 */
export function effectivePolicy(defaults: CompanyPolicy, own: OwnPolicy): CompanyPolicy {
  const maxFileSizeBytes = own.max_file_size ?? defaults.maxFileSizeBytes;
  return {
    maxFileSizeBytes,
    allowedTypes: {
      user: own.allowed_types_user ?? defaults.allowedTypes.user,
      agent: own.allowed_types_agent ?? defaults.allowedTypes.agent,
    },
    uploadsPerMinute: own.uploads_per_minute ?? defaults.uploadsPerMinute,
    maxPendingUploads: own.max_pending_uploads ?? defaults.maxPendingUploads,
    maxFiles: own.max_files ?? defaults.maxFiles,
    // A file that may be shared must have room on its way, also where only its size was raised.
    maxPendingBytes: own.max_pending_size ?? Math.max(defaults.maxPendingBytes, maxFileSizeBytes),
    bytesPerDay: orNoBound(own.bytes_per_day, defaults.bytesPerDay),
    companyQuotaBytes: orNoBound(own.quota, defaults.companyQuotaBytes),
    retentionSeconds: {
      user: orNoBound(own.retention_user_seconds, defaults.retentionSeconds.user),
      agent: orNoBound(own.retention_agent_seconds, defaults.retentionSeconds.agent),
    },
    stripMetadata: own.strip_metadata ?? defaults.stripMetadata,
    compressImagesPx: orNoBound(own.compress_images, defaults.compressImagesPx),
    scanRequired: own.scan_required ?? defaults.scanRequired,
    refuseEncrypted: own.refuse_encrypted ?? defaults.refuseEncrypted,
    maxImagePixels: defaults.maxImagePixels,
    allowedOrigins: own.allowed_origins ?? defaults.allowedOrigins,
  };
}

/** A policy with the names of its own form, as it is shown: what holds, without keys. */
export function shownPolicy(policy: CompanyPolicy): Record<string, unknown> {
  return {
    allowed_types_user: [...policy.allowedTypes.user],
    allowed_types_agent: [...policy.allowedTypes.agent],
    max_file_size: policy.maxFileSizeBytes,
    uploads_per_minute: policy.uploadsPerMinute,
    max_pending_uploads: policy.maxPendingUploads,
    max_files: policy.maxFiles,
    max_pending_size: policy.maxPendingBytes,
    bytes_per_day: policy.bytesPerDay ?? null,
    quota: policy.companyQuotaBytes ?? null,
    retention_user_seconds: policy.retentionSeconds.user ?? null,
    retention_agent_seconds: policy.retentionSeconds.agent ?? null,
    strip_metadata: policy.stripMetadata,
    compress_images: policy.compressImagesPx ?? null,
    scan_required: policy.scanRequired,
    refuse_encrypted: policy.refuseEncrypted,
    allowed_origins: [...policy.allowedOrigins],
  };
}

/** Which files an uploader of this company may share. */
export function filePolicyOf(policy: CompanyPolicy, uploader: Uploader): FilePolicy {
  const { maxFileSizeBytes, allowedTypes, refuseEncrypted, maxImagePixels } = policy;
  return { maxFileSizeBytes, allowedTypes: allowedTypes[uploader], refuseEncrypted, maxImagePixels };
}

function orNoBound<T>(own: T | null | undefined, fallback: T | undefined): T | undefined {
  return own === undefined ? fallback : (own ?? undefined);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}

/** Whoever stands on the way to it could put keys of their own in; on this machine nobody does. */
function isJwksUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));
}
