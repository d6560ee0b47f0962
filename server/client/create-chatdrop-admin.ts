/** The operator's client: companies, their policies and keys, deletions, and what the server did. */
import type {
  AuditPage,
  AuditRecord,
  CompanyKeyList,
  CompanyPage,
  CompanyPolicyFields,
  DeletionList,
  DeletionReceipt,
  FoundInfection,
  HeldCompany,
  InfectionPage,
  JobOverview,
  ShownCompanyKey,
  ShownCompanyPolicy,
} from '../contract/admin.ts';
import type { Analytics, Health, Overview } from '../contract/operator.ts';
import { type Abortable, type ConnectOptions, requesterOf } from './create-chatdrop.ts';
import { everyPage } from './pages.ts';
import { pathOf } from './path-of.ts';
import type { Call } from './requester.ts';
import { createWebhookCalls } from './webhook-calls.ts';

export type AdminOptions = ConnectOptions & {
  /** The server's `ADMIN_TOKEN`. */
  adminToken: string;
};
export type AnalyticsQuery = { from?: string; to?: string; company?: string };
export type AuditQuery = {
  company?: string;
  session?: string;
  action?: string;
  /** A time or a day. */
  since?: string;
  until?: string;
};

export type ChatdropAdmin = ReturnType<typeof createChatdropAdmin>;

/** Every method throws a `ChatdropError`, and the signal's reason when it is aborted. */
export function createChatdropAdmin({ adminToken, ...options }: AdminOptions) {
  const requester = requesterOf({ ...options, token: adminToken });
  const path = (...parts: (string | number)[]) => pathOf('/api/admin/', ...parts);
  const get = <T>(call: Omit<Call, 'method'>) => requester.json<T>({ method: 'GET', ...call });
  const erase = ({ signal }: Abortable, ...parts: string[]) =>
    requester.json<DeletionReceipt>({ method: 'DELETE', path: path(...parts), signal });
  const zip = ({ signal }: Abortable, ...parts: string[]) =>
    requester.send({ method: 'GET', path: path(...parts), signal });
  const onlyIf = (version: number | undefined): Record<string, string> =>
    version === undefined ? {} : { 'If-Match': `"${version}"` };

  return {
    companies: {
      /** Companies that hold or held files, or have something of their own, by name. */
      list: ({ signal }: Abortable = {}): AsyncGenerator<HeldCompany, void, undefined> =>
        everyPage<HeldCompany, string>('', async (after) => {
          const page = await get<CompanyPage>({ path: path('companies'), query: { after }, signal });
          return { entries: page.companies, next: page.next_after };
        }),
      policy: (company: string, { signal }: Abortable = {}): Promise<ShownCompanyPolicy> =>
        get({ path: path('companies', company, 'policy'), signal }),
      /**
       * The whole policy: what it leaves out is as in the settings. `ifVersion`: only if nobody has changed it since
       * (`precondition-failed`).
       */
      setPolicy: (
        company: string,
        policy: CompanyPolicyFields,
        { ifVersion, signal }: { ifVersion?: number } & Abortable = {},
      ): Promise<ShownCompanyPolicy> =>
        requester.json({
          method: 'PUT',
          path: path('companies', company, 'policy'),
          headers: onlyIf(ifVersion),
          json: policy,
          signal,
        }),
      clearPolicy: async (
        company: string,
        { ifVersion, signal }: { ifVersion?: number } & Abortable = {},
      ): Promise<void> => {
        const headers = onlyIf(ifVersion);
        await requester.send({ method: 'DELETE', path: path('companies', company, 'policy'), headers, signal });
      },
      keys: async (company: string, { signal }: Abortable = {}): Promise<ShownCompanyKey[]> =>
        (await get<CompanyKeyList>({ path: path('companies', company, 'keys'), signal })).keys,
      /** `key`: a secret of at least 32 bytes, or a public key as PEM or JWK. */
      addKey: (
        company: string,
        key: { id?: string; key: string },
        { signal }: Abortable = {},
      ): Promise<ShownCompanyKey> =>
        requester.json({ method: 'POST', path: path('companies', company, 'keys'), json: key, signal }),
      removeKey: async (company: string, id: string, { signal }: Abortable = {}): Promise<void> => {
        await requester.send({ method: 'DELETE', path: path('companies', company, 'keys', id), signal });
      },
      /** With everything in it; the receipt is followed by `deletions.get`. */
      delete: (company: string, more: Abortable = {}): Promise<DeletionReceipt> => erase(more, 'companies', company),
      deleteSession: (company: string, session: string, more: Abortable = {}): Promise<DeletionReceipt> =>
        erase(more, 'companies', company, 'sessions', session),
      /** What the visitor of a session sent. */
      deleteVisitor: (company: string, session: string, more: Abortable = {}): Promise<DeletionReceipt> =>
        erase(more, 'companies', company, 'sessions', session, 'visitor'),
      /** All that a session has, as one zip with a manifest, a stream. */
      exportSession: (company: string, session: string, more: Abortable = {}): Promise<Response> =>
        zip(more, 'companies', company, 'sessions', session, 'export'),
      exportVisitor: (company: string, session: string, more: Abortable = {}): Promise<Response> =>
        zip(more, 'companies', company, 'sessions', session, 'visitor', 'export'),
    },
    deletions: {
      /** Receipts, newest first. */
      list: ({
        company,
        signal,
      }: { company?: string } & Abortable = {}): AsyncGenerator<DeletionReceipt, void, undefined> =>
        everyPage<DeletionReceipt, number | undefined>(undefined, async (before) => {
          const query = { company_id: company, before, limit: DELETIONS_PAGE };
          const { deletions } = await get<DeletionList>({ path: path('deletions'), query, signal });
          return {
            entries: deletions,
            next: deletions.length < DELETIONS_PAGE ? null : (deletions.at(-1)?.id ?? null),
          };
        }),
      get: (id: number, { signal }: Abortable = {}): Promise<DeletionReceipt> =>
        get({ path: path('deletions', id), signal }),
    },
    /** Of companies: who is told of what, and whether it was taken. */
    webhooks: createWebhookCalls(requester),
    /** How each part of the node that answers is. */
    health: ({ signal }: Abortable = {}): Promise<Health> => get({ path: path('health'), signal }),
    /** What is under way, what failed, and what is stored. */
    overview: ({ signal }: Abortable = {}): Promise<Overview> => get({ path: path('overview'), signal }),
    /** What was counted by day; `from` and `to` are days. */
    analytics: ({ signal, company, ...days }: AnalyticsQuery & Abortable = {}): Promise<Analytics> =>
      get({ path: path('analytics'), query: { ...days, company_id: company }, signal }),
    /** The same as CSV, a stream. */
    analyticsCsv: ({ signal, company, ...days }: AnalyticsQuery & Abortable = {}): Promise<Response> =>
      requester.send({
        method: 'GET',
        path: '/api/admin/analytics.csv',
        query: { ...days, company_id: company },
        signal,
      }),
    /** What is owed, and which chores failed. */
    jobs: ({ limit, signal }: { limit?: number } & Abortable = {}): Promise<JobOverview> =>
      get({ path: path('jobs'), query: { limit }, signal }),
    /** Who did what to which file, the newest first. */
    audit: ({
      company,
      session,
      signal,
      ...asked
    }: AuditQuery & Abortable = {}): AsyncGenerator<AuditRecord, void, undefined> =>
      everyPage<AuditRecord, string | undefined>(undefined, async (cursor) => {
        const query = { company_id: company, session_id: session, ...asked, cursor };
        const page = await get<AuditPage>({ path: path('audit'), query, signal });
        return { entries: page.entries, next: page.next_cursor };
      }),
    /** In what a virus was found, the newest first. */
    infections: ({
      company,
      signal,
    }: { company?: string } & Abortable = {}): AsyncGenerator<FoundInfection, void, undefined> =>
      everyPage<FoundInfection, string | undefined>(undefined, async (cursor) => {
        const page = await get<InfectionPage>({
          path: path('infections'),
          query: { company_id: company, cursor },
          signal,
        });
        return { entries: page.infections, next: page.next_cursor };
      }),
    /** Any other call below the server's address, with the token, the patience and the errors of all. */
    request: (call: Call): Promise<Response> => requester.send(call),
  };
}

const DELETIONS_PAGE = 100;
