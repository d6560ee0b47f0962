/** Deletes a session, a visitor or a company with all that is in it: a job in pages, which goes on after any crash. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable, FileScope } from '../database/chat-file-table.ts';
import type { CompanyDayTable } from '../database/company-day-table.ts';
import type { CompanyPolicyTable } from '../database/company-policy-table.ts';
import { type Deletion, type DeletionTable, type Requester, requesterOf } from '../database/deletion-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { InfectionTable } from '../database/infection-table.ts';
import type { Database } from '../database/open-database.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { StatisticsTable } from '../database/statistics-table.ts';
import type { UploadDeletionTable } from '../database/upload-deletion-table.ts';
import type { WebhookDeliveryTable } from '../database/webhook-delivery-table.ts';
import type { WebhookTable } from '../database/webhook-table.ts';
import type { Actor } from '../rules/actor.ts';
import { backOffMs } from '../rules/back-off.ts';
import type { ConfirmDeletion } from './confirm-deletion.ts';
import type { DeleteFiles } from './delete-files.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'lastId' | 'isAny' | 'idsUpTo' | 'sumOf'>;
  endedUploads: Pick<UploadDeletionTable, 'isAny' | 'endPage' | 'scrubPage' | 'countUnfinished'>;
  people: Pick<PeopleTable, 'isAnySession' | 'removeEmptySessions'>;
  removedObjects: Pick<RemovedObjectTable, 'add' | 'assign'>;
  ledger: Pick<EventLedger, 'hold'>;
  deletions: Pick<DeletionTable, 'insert' | 'find' | 'listDue' | 'count' | 'noteRowsDone' | 'failed'>;
  audit: Pick<AuditTable, 'add'>;
  infections: Pick<InfectionTable, 'forgetFinds'>;
  policyTable: Pick<CompanyPolicyTable, 'clear'>;
  days: Pick<CompanyDayTable, 'forgetCompany'>;
  webhooks: Pick<WebhookTable, 'list' | 'removeAll'>;
  webhookDeliveries: Pick<WebhookDeliveryTable, 'removePage' | 'forgetResponses'>;
  statistics: Pick<StatisticsTable, 'forgetCompany'>;
  deleteFiles: DeleteFiles;
  confirmDeletion: ConfirmDeletion;
  now(): number;
};

export type ScopeRequest = { company: string } & (
  | { kind: 'company' }
  | { kind: 'session' | 'visitor'; session: string }
);

export type DeleteScope = {
  /** Writes the job down. @returns null where there is nothing. `ownWorkMs`: so long the chore leaves it to the caller */
  request(scope: ScopeRequest, by: Actor, ownWorkMs?: number, requester?: Requester): Promise<Deletion | null>;
  /** Its rows, to their end. */
  removeRows(deletion: Deletion): Promise<Deletion>;
  /** All that is owed and due, for a while; who asks while it is under way waits for the same. @returns how many are complete now */
  work(): Promise<number>;
};

/** As the audit calls them. */
const DEEDS = { session: 'session_deleted', visitor: 'visitor_deleted', company: 'company_deleted' } as const;
/** Rows of one transaction: others of the company wait for it. */
const PAGE_FILES = 200;
const PAGE_UPLOADS = 200;
const PAGE_SESSIONS = 500;
const PAGE_DELIVERIES = 1000;
const MAX_DELETIONS_A_RUN = 50;
const MAX_BACKOFF_MS = 10 * 60 * 1000;
/** Of one run, for each of the two halves. */
const MAX_RUN_MS = 20_000;

export function createDeleteScope(needs: Needs): DeleteScope {
  const { deletions, now } = needs;
  let underWay: Promise<number> | null = null;
  return {
    async request(scope, by, ownWorkMs = 0, requester = requesterOf(by)) {
      if (!(await isAnything(needs, scope))) return null;
      const throughFileId = await needs.files.lastId();
      const { files } = await needs.files.sumOf(scopeOf(scope));
      const unfinished = await needs.endedUploads.countUnfinished(scopeOf(scope));
      const id = await needs.database.transaction(async (transaction) => {
        const deed = { company: scope.company, session: scope.kind === 'company' ? null : scope.session };
        const told = { ...deed, action: DEEDS[scope.kind], detail: { files, unfinished } };
        await needs.audit.add(transaction, auditEntry(by, told, now()));
        return deletions.insert(transaction, {
          kind: scope.kind,
          company: scope.company,
          session: scope.kind === 'company' ? null : scope.session,
          fileId: null,
          requester,
          requestedAt: now(),
          throughFileId,
          isRowsDone: false,
          nextAttemptAt: now() + ownWorkMs,
        });
      });
      return deletions.find(id);
    },

    async removeRows(deletion) {
      await removeRows(needs, deletion, Number.POSITIVE_INFINITY);
      return (await deletions.find(deletion.id)) ?? deletion;
    },

    work() {
      underWay ??= workOnce(needs).finally(() => {
        underWay = null;
      });
      return underWay;
    },
  };
}

/** The rows of all before the bytes of any: a store that is away keeps no file visible. */
async function workOnce(needs: Needs): Promise<number> {
  const { deletions, now } = needs;
  let untilMs = now() + MAX_RUN_MS;
  for (const deletion of await deletions.listDue(now(), MAX_DELETIONS_A_RUN)) {
    if (deletion.rowsDoneAt !== null || now() >= untilMs) continue;
    await removeRows(needs, deletion, untilMs).catch((error: unknown) => noteFault(needs, deletion, error));
  }
  untilMs = now() + MAX_RUN_MS;
  let complete = 0;
  for (const deletion of await deletions.listDue(now(), MAX_DELETIONS_A_RUN)) {
    if (deletion.rowsDoneAt === null || now() >= untilMs) continue;
    const isComplete = await needs.confirmDeletion(deletion).catch((error) => noteFault(needs, deletion, error));
    if (isComplete === true) complete += 1;
  }
  return complete;
}

/** The rows that a request is about. */
export function scopeOf(request: { kind: string; company: string; session?: string | null }): FileScope {
  const { kind, company, session } = request;
  return { company, session: session ?? null, uploader: kind === 'visitor' ? 'user' : null };
}

async function isAnything(
  { database, files, endedUploads, people, webhooks }: Needs,
  request: ScopeRequest,
): Promise<boolean> {
  const scope = scopeOf(request);
  if ((await files.isAny(scope)) || (await endedUploads.isAny(scope))) return true;
  if (request.kind === 'company' && (await webhooks.list(scope.company)).length > 0) return true;
  return request.kind !== 'visitor' && people.isAnySession(database, scope.company, scope.session);
}

/** Each step is a transaction of its own, and finds what is left for it: after a crash all begins again at its first. */
async function removeRows(needs: Needs, deletion: Deletion, untilMs: number): Promise<void> {
  const scope = scopeOf(deletion);
  const { requestedAt } = deletion;
  // Before its files: nobody is there who would be told of them.
  if (deletion.kind === 'company') await needs.webhooks.removeAll(scope.company, requestedAt);
  for (const step of [
    () => endUploads(needs, scope, deletion),
    () => removeFiles(needs, scope, deletion),
    () => needs.endedUploads.scrubPage(scope, requestedAt, PAGE_UPLOADS),
    () => (deletion.kind === 'visitor' ? 0 : removeSessions(needs, scope)),
    () => (deletion.kind === 'company' ? removeDeliveries(needs, deletion) : 0),
  ])
    while ((await step()) > 0) if (needs.now() >= untilMs) return;
  await needs.infections.forgetFinds(scope, requestedAt);
  if (scope.session !== null) await needs.webhookDeliveries.forgetResponses(scope.company, scope.session);
  if (deletion.kind === 'company') await forgetCompany(needs, deletion.company);
  await needs.deletions.noteRowsDone(deletion.id, needs.now());
}

async function endUploads(needs: Needs, scope: FileScope, deletion: Deletion): Promise<number> {
  return needs.database.transaction(async (transaction) => {
    await needs.ledger.hold(transaction, scope.company);
    const ended = await needs.endedUploads.endPage(transaction, scope, deletion, PAGE_UPLOADS);
    for (const { storageKey, untilMs } of ended) {
      if (storageKey === null) continue;
      // Who is publishing there finds its upload ended, and deletes what it made; should it die before, this does.
      await needs.removedObjects.add(transaction, storageKey, untilMs ?? 0);
      await needs.removedObjects.assign(transaction, [storageKey], deletion.id);
    }
    const uploads = ended.filter(({ wasUnfinished }) => wasUnfinished).length;
    await needs.deletions.count(transaction, deletion.id, { uploads });
    return ended.length;
  });
}

async function removeFiles({ files, deleteFiles }: Needs, scope: FileScope, deletion: Deletion): Promise<number> {
  const ids = await files.idsUpTo(scope, deletion.throughFileId, PAGE_FILES);
  if (ids.length === 0) return 0;
  // `deleted` is of one file or of a page of them; what goes with its session says so.
  const reason = deletion.kind === 'visitor' ? 'deleted' : 'session_deleted';
  await deleteFiles({ company: scope.company, ids, reason, receipt: () => deletion.id });
  return ids.length;
}

async function removeSessions({ database, ledger, people }: Needs, { company, session }: FileScope): Promise<number> {
  return database.transaction(async (transaction) => {
    await ledger.hold(transaction, company);
    return people.removeEmptySessions(transaction, company, session, PAGE_SESSIONS);
  });
}

async function removeDeliveries({ webhookDeliveries }: Needs, { company, requestedAt }: Deletion): Promise<number> {
  return webhookDeliveries.removePage({ company, untilMs: requestedAt }, PAGE_DELIVERIES);
}

/** What it has of its own; its keys sign for nobody from then on. */
async function forgetCompany({ policyTable, days, statistics, now }: Needs, company: string): Promise<void> {
  await policyTable.clear(company, now());
  await days.forgetCompany(company);
  await statistics.forgetCompany(company);
}

async function noteFault({ deletions, now }: Needs, { id, attempts }: Deletion, error: unknown): Promise<void> {
  await deletions.failed(id, String(error), now() + backOffMs(attempts, MAX_BACKOFF_MS));
}
