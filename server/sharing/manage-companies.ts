/** What the operator changes of a company: its policy and its keys. Heard of by all nodes, at once or within a second. */
import type { Knex } from 'knex';
import { type AuditTable, auditEntry, type Deed } from '../database/audit-table.ts';
import type { CompanyPolicyTable, KeyRefusal, ListedCompany } from '../database/company-policy-table.ts';
import type { Actor } from '../rules/actor.ts';
import { type CompanyKey, isKeyId, type KeyMaterial, MAX_COMPANY_KEYS, readKeyMaterial } from '../rules/company-key.ts';
import {
  type CompanyPolicy,
  companyPolicySchema,
  effectivePolicy,
  type OwnPolicy,
  type PolicyName,
  policyFaults,
  readStoredPolicy,
} from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';

type Needs = {
  table: CompanyPolicyTable;
  audit: Pick<AuditTable, 'add'>;
  defaults: CompanyPolicy;
  /** A change is committed: this node looks now, and the others are told. */
  onChanged(): Promise<void>;
  now(): number;
};

/** Version 0: nothing was ever set. */
export type ShownPolicy = { version: number; updatedAt: number | null; own: OwnPolicy; effective: CompanyPolicy };
export type ManageCompanies = ReturnType<typeof createManageCompanies>;

const REFUSALS: Record<KeyRefusal, string> = {
  'same-id': 'There is a key with this id. Remove it first, or give another id.',
  'same-key': 'This key is there already, by another id.',
  'too-many': `A company has ${MAX_COMPANY_KEYS} keys at most. Remove one first.`,
};

/** Each change is in the audit by its own transaction: which fields, which key; never a value, a secret or a key. */
export function createManageCompanies({ table, audit, defaults, onChanged, now }: Needs) {
  const shown = (row: { policy: string; version: number; updatedAt: number | null }): ShownPolicy => {
    const own = readStoredPolicy(row.policy);
    return { version: row.version, updatedAt: row.updatedAt, own, effective: effectivePolicy(defaults, own) };
  };
  const note = (company: string, deed: Pick<Deed, 'action' | 'detail'>, by: Actor) => (transaction: Knex.Transaction) =>
    audit.add(transaction, auditEntry(by, { company, session: null, ...deed }, now()));
  const change = async (
    company: string,
    by: Actor,
    decide: (own: OwnPolicy, version: number) => unknown,
  ): Promise<ShownPolicy> => {
    let detail: Deed['detail'];
    const row = await table.change(
      company,
      now(),
      ({ policy, version }, next) => {
        const before = readStoredPolicy(policy);
        const after = checked(decide(before, version));
        detail = { ...fieldsThatDiffer(before, after), version: next };
        return JSON.stringify(after);
      },
      (transaction) => note(company, { action: 'policy_changed', ...(detail && { detail }) }, by)(transaction),
    );
    await onChanged();
    return shown(row);
  };
  return {
    list: (after: string, limit: number): Promise<ListedCompany[]> => table.list(after, limit),

    show: async (company: string): Promise<ShownPolicy> => shown(await table.find(company)),

    /**
     * The whole policy; what it does not name is as in the settings. `expects` says whether the version that is there is the
     * one that was read. @throws {Failure} `invalid-request` with every fault, `precondition-failed`
     */
    replace: (
      company: string,
      policy: unknown,
      expects: (version: number) => boolean,
      by: Actor,
    ): Promise<ShownPolicy> =>
      change(company, by, (_own, version) => {
        if (!expects(version))
          throw new Failure('precondition-failed', 'Somebody has changed it since you read it. Read it again.');
        return policy;
      }),

    /** Some fields, and no other. @throws {Failure} `invalid-request` with every fault */
    set: (company: string, fields: Record<string, unknown>, by: Actor): Promise<ShownPolicy> =>
      change(company, by, (own) => ({ ...own, ...fields })),

    unset: (company: string, names: readonly PolicyName[], by: Actor): Promise<ShownPolicy> =>
      change(company, by, (own) => Object.fromEntries(Object.entries(own).filter(([name]) => !isAmong(names, name)))),

    keys: async (company: string): Promise<CompanyKey[]> => (await table.keysOf(company)).map(withoutMaterial),

    /** @throws {Failure} `invalid-request`, never with the key in it */
    async addKey(company: string, text: string, givenId: string | undefined, by: Actor): Promise<CompanyKey> {
      const { suggestedId, ...material } = readMaterial(text);
      const id = givenId ?? suggestedId;
      if (!isKeyId(id))
        throw new Failure('invalid-request', 'The id of a key is 1 to 64 letters, digits, “_”, “.” or “-”.');
      const key = { ...material, id, createdAt: now() };
      const detail = { key: id, kind: key.kind, fingerprint: key.fingerprint };
      const refusal = await table.addKey(company, key, note(company, { action: 'key_added', detail }, by));
      if (refusal !== null) throw new Failure('invalid-request', REFUSALS[refusal]);
      await onChanged();
      return withoutMaterial(key);
    },

    /** From now on it signs for nobody, and sockets that it has let in end. @throws {Failure} `not-found` */
    async removeKey(company: string, id: string, by: Actor): Promise<void> {
      const alongside = note(company, { action: 'key_removed', detail: { key: id } }, by);
      if (!(await table.removeKey(company, id, now(), alongside)))
        throw new Failure('not-found', 'This company has no key of that id.');
      await onChanged();
    },
  };
}

function checked(policy: unknown): OwnPolicy {
  const read = companyPolicySchema.safeParse(policy);
  if (!read.success) throw new Failure('invalid-request', `Not valid: ${policyFaults(read.error).join('; ')}.`);
  return read.data;
}

/** Their names, since a value may be an address with a secret in it. */
function fieldsThatDiffer(before: OwnPolicy, after: OwnPolicy): { set: string; unset: string } {
  const [old, young] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const set = [...young].filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(old.get(name)));
  const unset = [...old.keys()].filter((name) => !young.has(name));
  return { set: set.map(([name]) => name).join(', '), unset: unset.join(', ') };
}

function readMaterial(text: string): KeyMaterial & { suggestedId: string } {
  try {
    return readKeyMaterial(text);
  } catch (fault) {
    throw new Failure('invalid-request', `The key ${(fault as Error).message}.`);
  }
}

/** A secret is never given back. */
function withoutMaterial({ id, kind, fingerprint, createdAt }: CompanyKey): CompanyKey {
  return { id, kind, fingerprint, createdAt };
}

function isAmong(names: readonly string[], name: string): boolean {
  return names.includes(name);
}
