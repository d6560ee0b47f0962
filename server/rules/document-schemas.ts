/** Schemas as the components of a document, OpenAPI or AsyncAPI: those that are named refer to each other by their names. */
import * as z from 'zod';

/** `io`: what is sent to the server is described as it comes, what it sends as it leaves. */
export function documentSchemas(
  named: Record<string, z.ZodType>,
  io: 'input' | 'output',
): Record<string, Record<string, unknown>> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io, uri: (id) => `#/components/schemas/${id}` });
  // In the document they have no addresses of their own, and its dialect is said once.
  return Object.fromEntries(Object.entries(schemas).map(([id, { $id: _, $schema: __, ...schema }]) => [id, schema]));
}
