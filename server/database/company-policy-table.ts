/** `company_policies` and `company_keys`: what a company has of its own. Each change gets the next number of all changes. */
import type { Knex } from 'knex';
import { type CompanyKey, type KeyMaterial, MAX_COMPANY_KEYS } from '../rules/company-key.ts';
import type { Database } from './open-database.ts';

/** `policy` is JSON, as `company-policy.ts` reads it. Version 0: there is no row. */
export type PolicyRow = { policy: string; version: number; updatedAt: number | null };
export type ChangedPolicy = { company: string; policy: string; version: number };
export type StoredKey = CompanyKey & KeyMaterial;
/** A company as it is listed: with what it holds, and what it has of its own. */
export type ListedCompany = { company: string; bytes: number; version: number; keys: number };
/** Why a key was not added. */
export type KeyRefusal = 'same-id' | 'same-key' | 'too-many';

export type CompanyPolicyTable = ReturnType<typeof createCompanyPolicyTable>;

/** What else belongs into the transaction of a change: its entry in the audit. */
type Alongside = (transaction: Knex.Transaction) => Promise<void>;
const NOTHING: Alongside = async () => {};

const NO_ROW: PolicyRow = { policy: '{}', version: 0, updatedAt: null };

export function createCompanyPolicyTable(database: Database) {
  const find = async (connection: Knex, company: string): Promise<PolicyRow> => {
    const row = await connection('company_policies').where({ company_id: company }).first();
    return row === undefined ? NO_ROW : { policy: row.policy, version: row.version, updatedAt: row.updated_at };
  };

  /**
   * One change after the other: the number's row stays locked until the commit, so the order of commits is that of the
   * numbers, and who has seen one has seen all before it.
   */
  const inTurn = <T>(work: (transaction: Knex.Transaction, version: number) => Promise<T>): Promise<T> =>
    database.transaction(async (transaction) => {
      const [next] = await transaction('policy_versions').where({ id: 1 }).increment('last', 1).returning('last');
      return work(transaction, next.last);
    });

  const write = async (transaction: Knex, company: string, row: PolicyRow): Promise<void> => {
    await transaction('company_policies')
      .insert({ company_id: company, policy: row.policy, version: row.version, updated_at: row.updatedAt })
      .onConflict('company_id')
      .merge(['policy', 'version', 'updated_at']);
  };

  return {
    find: (company: string) => find(database, company),

    /** What changed after that number, in order; at most so many. */
    async changedAfter(version: number, limit: number): Promise<ChangedPolicy[]> {
      const rows = await database('company_policies')
        .where('version', '>', version)
        .orderBy('version')
        .limit(limit)
        .select('company_id', 'policy', 'version');
      return rows.map((row) => ({ company: row.company_id, policy: row.policy, version: row.version }));
    },

    /** `decide` is asked with what is there, and nothing changes until it has answered; what it throws changes nothing. */
    change(
      company: string,
      nowMs: number,
      decide: (current: PolicyRow, version: number) => string,
      alongside = NOTHING,
    ): Promise<PolicyRow> {
      return inTurn(async (transaction, version) => {
        const row = { policy: decide(await find(transaction, company), version), version, updatedAt: nowMs };
        await write(transaction, company, row);
        await alongside(transaction);
        return row;
      });
    },

    async keysOf(company: string): Promise<StoredKey[]> {
      const rows = await database('company_keys').where({ company_id: company }).orderBy(['created_at', 'key_id']);
      return rows.map(toKey);
    },

    /** @returns why not, when it was not added */
    addKey(company: string, key: StoredKey, alongside = NOTHING): Promise<KeyRefusal | null> {
      return inTurn(async (transaction, version) => {
        const known = await transaction('company_keys').where({ company_id: company });
        if (known.length >= MAX_COMPANY_KEYS) return 'too-many';
        if (known.some((row) => row.key_id === key.id)) return 'same-id';
        if (known.some((row) => row.fingerprint === key.fingerprint)) return 'same-key';
        const { id, kind, material, fingerprint, createdAt } = key;
        const row = { company_id: company, key_id: id, kind, material, fingerprint, created_at: createdAt };
        await transaction('company_keys').insert(row);
        const { policy } = await find(transaction, company);
        await write(transaction, company, { policy, version, updatedAt: createdAt });
        await alongside(transaction);
        return null;
      });
    },

    /** @returns false when there is none of that id */
    removeKey(company: string, id: string, nowMs: number, alongside = NOTHING): Promise<boolean> {
      return inTurn(async (transaction, version) => {
        if ((await transaction('company_keys').where({ company_id: company, key_id: id }).delete()) === 0) return false;
        const { policy } = await find(transaction, company);
        await write(transaction, company, { policy, version, updatedAt: nowMs });
        await alongside(transaction);
        return true;
      });
    },

    /**
     * Takes policy and keys away. The row stays, empty: by its number every node sees that the keys count no more.
     * Does nothing where a company never had any.
     */
    async clear(company: string, nowMs: number): Promise<void> {
      const { policy } = await find(database, company);
      const hasKeys = (await database('company_keys').where({ company_id: company }).first('key_id')) !== undefined;
      if (policy === NO_ROW.policy && !hasKeys) return;
      await inTurn(async (transaction, version) => {
        await transaction('company_keys').where({ company_id: company }).delete();
        await write(transaction, company, { policy: NO_ROW.policy, version, updatedAt: nowMs });
      });
    },

    /** Every company that holds or held bytes, or has something of its own, by name. */
    async list(after: string, limit: number): Promise<ListedCompany[]> {
      const names = database('company_usage')
        .select('company_id')
        .where('company_id', '>', after)
        .union(database('company_policies').select('company_id').where('company_id', '>', after));
      const rows = await database
        .from(names.as('names'))
        .leftJoin('company_usage as usage', 'usage.company_id', 'names.company_id')
        .leftJoin('company_policies as policies', 'policies.company_id', 'names.company_id')
        .orderBy('names.company_id')
        .limit(limit)
        .select(
          'names.company_id',
          'usage.bytes',
          'policies.version',
          database('company_keys').count('*').whereRaw('company_keys.company_id = names.company_id').as('keys'),
        );
      return rows.map((row) => ({
        company: row.company_id,
        bytes: Number(row.bytes ?? 0),
        version: row.version ?? 0,
        keys: Number(row.keys),
      }));
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
function toKey(row: any): StoredKey {
  const { key_id: id, kind, material, fingerprint, created_at: createdAt } = row;
  return { id, kind, material, fingerprint, createdAt };
}
