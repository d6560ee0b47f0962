/** What is owed to an endpoint → the message, made when it is sent: with links signed now, and nothing that was deleted since. */

import type { RemovalReason } from '../contract/events.ts';
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import type { FailedUpload, InfectedFile, UploadFailureCode, WebhookMessage } from '../contract/webhook.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { InfectionTable } from '../database/infection-table.ts';
import type { UploadTable } from '../database/upload-table.ts';
import type { WebhookDelivery } from '../database/webhook-delivery-table.ts';
import type { PresentFile } from './present-file.ts';
import { presentInfection } from './present-infection.ts';

type Needs = {
  files: Pick<ChatFileTable, 'find'>;
  infections: Pick<InfectionTable, 'find'>;
  uploads: Pick<UploadTable, 'find'>;
  presentFile: PresentFile;
};

/** @throws when the database does not answer */
export type MakeWebhookMessage = (delivery: WebhookDelivery) => Promise<WebhookMessage>;

const EXPIRED = 'It was not gone on with in time.';

export function createMakeWebhookMessage(needs: Needs): MakeWebhookMessage {
  return async (delivery) => {
    const { type, company: company_id, seq, occurredAt } = delivery;
    const timestamp = new Date(occurredAt).toISOString();
    const inSession = { company_id, session_id: delivery.session ?? '' };
    const id = Number(delivery.subjectId);
    switch (type) {
      case 'file.shared': {
        const file = await needs.files.find(id);
        const data = file === null ? { id, ...inSession, seq: seq ?? 0, gone: true as const } : needs.presentFile(file);
        return { type, timestamp, data };
      }
      case 'file.removed':
        return { type, timestamp, data: { id, ...inSession, seq: seq ?? 0, reason: delivery.reason as RemovalReason } };
      case 'file.infected': {
        const infection = await needs.infections.find(id);
        const data = infection === null ? { id, ...inSession, gone: true as const } : presentInfection(infection);
        return { type, timestamp, data: data satisfies InfectedFile | { gone: true } };
      }
      case 'upload.failed':
        return { type, timestamp, data: await failedUpload(needs, delivery) };
      case 'webhook.test':
        return { type, timestamp, data: { company_id, webhook_id: delivery.webhookId } };
    }
  };
}

/** A deletion leaves the row without a name; later the row goes too. */
async function failedUpload({ uploads }: Needs, delivery: WebhookDelivery): Promise<FailedUpload> {
  const id = delivery.subjectId ?? '';
  const upload = await uploads.find(id);
  const code = (delivery.reason ?? 'expired') as UploadFailureCode;
  const isKnown = upload !== null && upload.name !== '';
  const told = isKnown ? upload.refusal?.detail : undefined;
  return {
    id,
    company_id: delivery.company,
    session_id: delivery.session,
    uploader: upload?.uploader ?? null,
    name: isKnown ? upload.name : null,
    size: isKnown ? upload.sizeBytes : null,
    code,
    reason: told ?? (code === 'expired' ? EXPIRED : titleOf(code)),
  };
}

function titleOf(code: ProblemCode): string {
  return `${PROBLEMS[code]?.[1] ?? code}.`;
}
