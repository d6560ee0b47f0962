/** Counts at the start what every company and chat holds, and mends the counters where they differ. */
import type { CompanyUsage, CompanyUsageTable } from '../database/company-usage-table.ts';

type Needs = {
  usage: Pick<CompanyUsageTable, 'repair' | 'repairChats'>;
  /** Triggers keep the counters, so this is a fault of ours, or of somebody who changed the database by hand. */
  onMended(usage: CompanyUsage): void;
  onChatsMended(chats: number): void;
};

export type CheckUsage = () => Promise<void>;

export function createCheckUsage({ usage, onMended, onChatsMended }: Needs): CheckUsage {
  return async () => {
    for (const mended of await usage.repair()) onMended(mended);
    const chats = await usage.repairChats();
    if (chats > 0) onChatsMended(chats);
  };
}
