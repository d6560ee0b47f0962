/** The ordered list of migrations: a list, not a directory scan, so that it bundles. Append only. */
import type { Knex } from 'knex';
import * as uploadsAndFiles from './0001-uploads-and-files.ts';
import * as concatenation from './0002-concatenation.ts';
import * as companyUsage from './0003-company-usage.ts';
import * as oneRequestUploads from './0004-one-request-uploads.ts';
import * as sessionActivity from './0005-session-activity.ts';
import * as chores from './0006-chores.ts';
import * as companyFiles from './0007-company-files.ts';
import * as nodes from './0008-nodes.ts';
import * as s3Uploads from './0009-s3-uploads.ts';
import * as companyFilesInOrder from './0010-company-files-in-order.ts';
import * as infectedFiles from './0011-infected-files.ts';
import * as pictures from './0012-pictures.ts';
import * as companyPolicies from './0013-company-policies.ts';
import * as deletions from './0014-deletions.ts';
import * as linksAndAudit from './0015-links-and-audit.ts';
import * as auditGuard from './0018-audit-guard.ts';
import * as resumes from './0019-resumes.ts';
import * as webhooks from './0020-webhooks.ts';
import * as statistics from './0021-statistics.ts';
import * as importedFiles from './0022-imported-files.ts';
import * as cheaperTriggers from './0023-cheaper-triggers.ts';
import * as finishedInOneRow from './0024-finished-in-one-row.ts';
import * as countedChats from './0025-counted-chats.ts';
import * as lighterUploads from './0026-lighter-uploads.ts';
import * as filesByChat from './0027-files-by-chat.ts';

export type Migration = { up(knex: Knex): Promise<void>; down(knex: Knex): Promise<void> };

/** Name → migration, oldest first. A name that was released is never changed. */
export const MIGRATIONS: ReadonlyMap<string, Migration> = new Map<string, Migration>([
  ['0001-uploads-and-files', uploadsAndFiles],
  ['0002-concatenation', concatenation],
  ['0003-company-usage', companyUsage],
  ['0004-one-request-uploads', oneRequestUploads],
  ['0005-session-activity', sessionActivity],
  ['0006-chores', chores],
  ['0007-company-files', companyFiles],
  ['0008-nodes', nodes],
  ['0009-s3-uploads', s3Uploads],
  ['0010-company-files-in-order', companyFilesInOrder],
  ['0011-infected-files', infectedFiles],
  ['0012-pictures', pictures],
  ['0013-company-policies', companyPolicies],
  ['0014-deletions', deletions],
  ['0015-links-and-audit', linksAndAudit],
  ['0018-audit-guard', auditGuard],
  ['0019-resumes', resumes],
  ['0020-webhooks', webhooks],
  ['0021-statistics', statistics],
  ['0022-imported-files', importedFiles],
  ['0023-cheaper-triggers', cheaperTriggers],
  ['0024-finished-in-one-row', finishedInOneRow],
  ['0025-counted-chats', countedChats],
  ['0026-lighter-uploads', lighterUploads],
  ['0027-files-by-chat', filesByChat],
]);
