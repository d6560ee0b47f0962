/** A policy for people to read: what holds, and where it comes from. */
import type { CompanyKey } from '../../rules/company-key.ts';
import { POLICY_NAMES, shownPolicy } from '../../rules/company-policy.ts';
import type { ShownPolicy } from '../../sharing/manage-companies.ts';
import { table } from '../table.ts';

export function policyTable({ own, effective }: ShownPolicy): string {
  const held: Record<string, unknown> = { ...shownPolicy(effective), ...own };
  const rows = POLICY_NAMES.map((name) => [
    name,
    Object.hasOwn(own, name) ? 'company' : 'settings',
    wordOf(held[name]),
  ]);
  // A list of types is longer than any line: it comes last.
  return table(['FIELD', 'FROM', 'VALUE'], rows);
}

export function keyTable(keys: readonly CompanyKey[]): string {
  const rows = keys.map(({ id, kind, fingerprint, createdAt }) => [
    id,
    kind,
    fingerprint,
    new Date(createdAt).toISOString(),
  ]);
  return table(['KEY', 'KIND', 'FINGERPRINT', 'ADDED'], rows);
}

function wordOf(value: unknown): string {
  if (value === undefined) return '-';
  if (value === null) return 'none';
  return Array.isArray(value) ? value.join(', ') || 'none' : String(value);
}
