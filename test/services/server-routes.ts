/** The routes of the server, as its router has them: from functions that do nothing. */
import { pino } from 'pino';
import { createRoutes } from '../../server/http/http-app.ts';

export type ServerRoute = { path: string; verbs: string[] };

/** Paths with `{id}` for a parameter and without a last slash. A route for all verbs decides itself which it knows. */
export function routesOfServer(): ServerRoute[] {
  const nothing = async () => {};
  const group = new Proxy({}, { get: () => nothing });
  const needs = new Proxy({ mediaPath: '/media/', log: pino({ level: 'silent' }) } as Record<string, unknown>, {
    get: (own, name: string) =>
      own[name] ?? (['openApi', 'asyncApi', 'media', 'policyReports', 'metrics'].includes(name) ? nothing : group),
  });
  const routes = createRoutes(needs as unknown as Parameters<typeof createRoutes>[0]);
  return routes.stack.map(({ path, methods }) => ({
    path: bare(String(path).replaceAll(/:([a-z]+)|\{\*([a-z]+)\}/g, (_, one, rest) => `{${one ?? rest}}`)),
    // The router adds HEAD to every GET.
    verbs: methods.filter((verb) => verb !== 'HEAD' || !methods.includes('GET') || methods.length > 3),
  }));
}

/** A last slash more or less is the same route. */
export function bare(path: string): string {
  return path.replace(/(.)\/$/, '$1');
}
