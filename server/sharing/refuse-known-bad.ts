/** A client that says what the sha256 will be, and it is that of a virus, need not send it. */
import type { InfectionTable } from '../database/infection-table.ts';
import { infected } from '../rules/refusals.ts';

type Needs = { infections: Pick<InfectionTable, 'findBad'> };

/** @throws {Failure} `infected` */
export type RefuseKnownBad = (declaredSha256: string | null) => Promise<void>;

export function createRefuseKnownBad({ infections }: Needs): RefuseKnownBad {
  return async (declaredSha256) => {
    if (declaredSha256 !== null && (await infections.findBad(declaredSha256)) !== null) throw infected();
  };
}
