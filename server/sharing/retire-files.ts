/** Retention: files that are older than they may be leave their chats, a page at a time. */
import type { Uploader } from '../contract/chat-file.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { CompanyUsageTable } from '../database/company-usage-table.ts';
import type { DeletionTable } from '../database/deletion-table.ts';
import { SERVER } from '../rules/actor.ts';
import type { DeleteFiles } from './delete-files.ts';

type Needs = {
  files: Pick<ChatFileTable, 'idsOlder' | 'sumOlder'>;
  companies: Pick<CompanyUsageTable, 'pageCompanies'>;
  deletions: Pick<DeletionTable, 'insert'>;
  deleteFiles: DeleteFiles;
  retentionOf: RetentionOf;
  now(): number;
};

/** How many seconds a file of a company is kept, by who shared it; undefined: for ever. */
export type RetentionOf = (company: string, uploader: Uploader) => number | undefined | Promise<number | undefined>;

/** What would go. */
export type Overdue = { company: string; files: number; bytes: number };

export type RetireFiles = {
  /** @returns how many went; 0 once nothing is too old. A long list is gone on with at the next call */
  run(): Promise<number>;
  /** Changes nothing. */
  preview(): AsyncIterable<Overdue>;
};

const UPLOADERS: readonly Uploader[] = ['user', 'agent'];
const PAGE_FILES = 200;
const PAGE_COMPANIES = 500;
const MAX_FILES_A_RUN = 10_000;

export function createRetireFiles(needs: Needs): RetireFiles {
  /** Where the last run stopped, so that a company with many keeps no other waiting. */
  let afterCompany = '';
  return {
    async run() {
      let removed = 0;
      const start = afterCompany;
      afterCompany = '';
      for (const from of start === '' ? [''] : [start, '']) {
        for await (const company of companiesAfter(needs, from)) {
          removed += await retire(needs, company, MAX_FILES_A_RUN - removed);
          if (removed < MAX_FILES_A_RUN) continue;
          afterCompany = company;
          return removed;
        }
      }
      return removed;
    },

    async *preview() {
      for await (const company of companiesAfter(needs, '')) {
        const overdue = { company, files: 0, bytes: 0 };
        for (const uploader of UPLOADERS) {
          const beforeMs = await bound(needs, company, uploader);
          if (beforeMs === null) continue;
          const { files, bytes } = await needs.files.sumOlder(company, uploader, beforeMs);
          overdue.files += files;
          overdue.bytes += bytes;
        }
        if (overdue.files > 0) yield overdue;
      }
    },
  };
}

async function* companiesAfter({ companies }: Needs, after: string): AsyncGenerator<string> {
  for (let place = after; ; ) {
    const page = await companies.pageCompanies(place, PAGE_COMPANIES);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    place = last;
  }
}

/** One receipt for what goes of a company in one run. */
async function retire(needs: Needs, company: string, maxFiles: number): Promise<number> {
  let receiptId: number | null = null;
  let removed = 0;
  for (const uploader of UPLOADERS) {
    const beforeMs = await bound(needs, company, uploader);
    if (beforeMs === null) continue;
    while (removed < maxFiles) {
      const ids = await needs.files.idsOlder(company, uploader, beforeMs, Math.min(PAGE_FILES, maxFiles - removed));
      if (ids.length === 0) break;
      await needs.deleteFiles({
        company,
        ids,
        reason: 'retention',
        by: SERVER,
        async receipt(transaction) {
          receiptId ??= await needs.deletions.insert(transaction, {
            kind: 'retention',
            company,
            session: null,
            fileId: null,
            requester: { role: 'retention', subject: null },
            requestedAt: needs.now(),
            throughFileId: ids.at(-1) ?? 0,
            isRowsDone: true,
            nextAttemptAt: 0,
          });
          return receiptId;
        },
      });
      removed += ids.length;
    }
  }
  return removed;
}

/** Files from before it are too old; null: none is. */
async function bound({ retentionOf, now }: Needs, company: string, uploader: Uploader): Promise<number | null> {
  const seconds = await retentionOf(company, uploader);
  return seconds === undefined ? null : now() - seconds * 1000;
}
