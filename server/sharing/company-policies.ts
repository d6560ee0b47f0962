/**
 * What holds for each company, as of the last second. Companies that have nothing of their own cost nothing: the names of the
 * others are known, so no question about a name that a stranger made up reaches the database. Their policies and keys are
 * read when first needed and kept while their version is the one that is known.
 */
import type { Jwks } from '../auth/jwks.ts';
import type { KeyRing } from '../auth/verify-token.ts';
import type { CompanyPolicyTable, PolicyRow, StoredKey } from '../database/company-policy-table.ts';
import { publicKeyOf } from '../rules/company-key.ts';
import {
  type CompanyPolicy,
  effectivePolicy,
  type OwnPolicy,
  type PolicyOf,
  readStoredPolicy,
} from '../rules/company-policy.ts';

type Needs = {
  table: Pick<CompanyPolicyTable, 'find' | 'keysOf' | 'changedAfter'>;
  /** What the settings say. */
  defaults: CompanyPolicy;
  /** Of the settings too; they are for the keys of a company unless it has others. */
  claims: { issuer: string | undefined; audience: string | undefined };
  jwksAt(url: string): Jwks;
  /** A policy that is stored cannot be read. */
  onFault(company: string, error: unknown): void;
};

export type CompanyPolicies = {
  defaults: CompanyPolicy;
  of: PolicyOf;
  /** Null without waiting: the company has no keys of its own, so the server's count. */
  keysOf(company: string): Promise<CompanyKeyRing | null> | null;
  /** Undefined: the company names none, so those of the settings hold. */
  originsOf(company: string): readonly string[] | undefined;
  /** Whether any company names it. */
  isAnyOrigin(origin: string): boolean;
  /** Of the settings and of all companies. */
  largestFileBytes(): number;
  /** Reads what changed since the last look: one indexed read, that finds nothing most of the time. */
  look(): Promise<void>;
  /** Called with each company whose policy or keys have changed. */
  onChange(listener: (company: string) => void): void;
};

/** The keys of one company, and whether the server's count beside them. */
export type CompanyKeyRing = KeyRing & { serverKeys: boolean };

/** Policies with their keys that are kept: some kilobytes each. */
const MAX_KEPT = 2000;
const PAGE_POLICIES = 500;

/** Of each company that has something of its own; all that has to be known without asking the database. */
type Known = { version: number; origins: readonly string[] | undefined; maxFileSizeBytes: number };
type Kept = { version: number; loaded: Promise<Loaded> };
type Loaded = { policy: CompanyPolicy; keys: CompanyKeyRing | null };

export function createCompanyPolicies(needs: Needs): CompanyPolicies {
  const known = new Map<string, Known>();
  const kept = new Map<string, Kept>();
  const listeners: ((company: string) => void)[] = [];
  let all: { origins: Set<string>; largestFileBytes: number } | null = null;
  let seen = 0;
  let looking: Promise<void> | null = null;
  let isAskedAgain = false;

  const load = (company: string, { version }: Known): Promise<Loaded> => {
    const there = kept.get(company);
    kept.delete(company);
    const entry = there?.version === version ? there : { version, loaded: read(needs, company) };
    // The one that was used last is the last to go.
    kept.set(company, entry);
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value as string);
    entry.loaded.catch(() => {
      if (kept.get(company) === entry) kept.delete(company);
    });
    return entry.loaded;
  };

  /** Gathered when it is asked for after a change. */
  const ofAll = () => {
    all ??= {
      origins: new Set([...known.values()].flatMap(({ origins }) => origins ?? [])),
      largestFileBytes: [...known.values()].reduce(
        (largest, { maxFileSizeBytes }) => Math.max(largest, maxFileSizeBytes),
        needs.defaults.maxFileSizeBytes,
      ),
    };
    return all;
  };

  const readChanges = async (): Promise<void> => {
    for (let isMore = true; isMore; ) {
      const changed = await needs.table.changedAfter(seen, PAGE_POLICIES);
      for (const { company, policy, version } of changed) {
        known.set(company, { version, ...summaryOf(needs, company, policy) });
        seen = version;
      }
      if (changed.length > 0) all = null;
      for (const { company } of changed) for (const listener of listeners) listener(company);
      isMore = changed.length === PAGE_POLICIES;
    }
  };

  const lookUntilDone = async (): Promise<void> => {
    do {
      isAskedAgain = false;
      await readChanges();
    } while (isAskedAgain);
  };

  return {
    defaults: needs.defaults,
    async of(company) {
      const own = known.get(company);
      return own === undefined ? needs.defaults : (await load(company, own)).policy;
    },
    keysOf(company) {
      const own = known.get(company);
      return own === undefined ? null : load(company, own).then(({ keys }) => keys);
    },
    originsOf: (company) => known.get(company)?.origins,
    isAnyOrigin: (origin) => ofAll().origins.has(origin),
    largestFileBytes: () => ofAll().largestFileBytes,
    async look() {
      isAskedAgain = true;
      looking ??= lookUntilDone().finally(() => {
        looking = null;
      });
      await looking;
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

/** The policy before the keys: keys that are newer than the version are read again with the next one, older ones never would be. */
async function read({ table, defaults, claims, jwksAt }: Needs, company: string): Promise<Loaded> {
  const row: PolicyRow = await table.find(company);
  const own = readStoredPolicy(row.policy);
  const keys = await table.keysOf(company);
  const hasKeys = keys.length > 0 || own.jwks_url !== undefined;
  return {
    policy: effectivePolicy(defaults, own),
    keys: hasKeys ? ringOf(own, keys, claims, own.jwks_url === undefined ? undefined : jwksAt(own.jwks_url)) : null,
  };
}

function ringOf(
  own: OwnPolicy,
  keys: readonly StoredKey[],
  claims: Needs['claims'],
  jwks: Jwks | undefined,
): CompanyKeyRing {
  const encoder = new TextEncoder();
  const secrets = keys
    .filter(({ kind }) => kind === 'secret')
    .map(({ material, fingerprint }) => ({ key: encoder.encode(material), name: fingerprint }));
  const publicKeys = keys
    .filter(({ kind }) => kind === 'public')
    .map(({ material, fingerprint }) => ({ ...publicKeyOf(material), name: fingerprint }));
  return {
    secrets,
    publicKeys,
    jwks: jwks === undefined ? undefined : { ...jwks, name: String(own.jwks_url) },
    issuer: own.jwt_issuer === undefined ? claims.issuer : (own.jwt_issuer ?? undefined),
    audience: own.jwt_audience === undefined ? claims.audience : (own.jwt_audience ?? undefined),
    serverKeys: own.server_keys ?? false,
  };
}

/** One policy that cannot be read keeps no other from being known; its company is answered with a fault. */
function summaryOf({ defaults, onFault }: Needs, company: string, policy: string): Omit<Known, 'version'> {
  try {
    const own = readStoredPolicy(policy);
    return { origins: own.allowed_origins, maxFileSizeBytes: own.max_file_size ?? defaults.maxFileSizeBytes };
  } catch (error) {
    onFault(company, error);
    return { origins: [], maxFileSizeBytes: defaults.maxFileSizeBytes };
  }
}
