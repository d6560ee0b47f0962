/** A query or a JSON body, held against its schema. */
import type * as z from 'zod';
import { Failure } from '../rules/failure.ts';

/** @throws {Failure} `invalid-request` that names every parameter at fault */
export function readQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Failure('invalid-request', `Not valid: ${faults.join('; ')}.`);
}
