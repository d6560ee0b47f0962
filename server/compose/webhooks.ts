import packageJson from '../../package.json' with { type: 'json' };
import { privateTargets } from '../rules/webhook-target.ts';
import { createDeliverWebhooks } from '../sharing/deliver-webhooks.ts';
import { createManageWebhooks } from '../sharing/manage-webhooks.ts';
import { createMakeWebhookMessage } from '../sharing/webhook-message.ts';
import { createPostWebhook } from '../webhooks/post-webhook.ts';
import { createResolveHost } from '../webhooks/resolve-host.ts';
import { HOLDER } from './holder.ts';
import { now, type Parts } from './parts.ts';

/** Endpoints of companies, and what is sent to them. */
export function composeWebhooks(parts: Parts) {
  const { config, log, database, webhooks, webhookDeliveries: deliveries, audit, ledger } = parts;
  const allowed = privateTargets(config.webhookAllowPrivate);
  const deliver = createDeliverWebhooks({
    ...{ database, webhooks, deliveries, audit, now },
    makeMessage: createMakeWebhookMessage(parts),
    post: createPostWebhook({ allowed, resolve: createResolveHost(allowed) }),
    onTried: (tried) => log.debug(tried, 'a webhook was sent'),
    onDisabled: ({ id, company }, reason) =>
      log.warn(
        { webhook: id, company, reason },
        'a webhook is disabled: nothing is sent there until it is enabled again',
      ),
    onFault: (err) => log.warn({ err }, 'a webhook could not be sent yet'),
    holder: HOLDER,
    version: packageJson.version,
  });
  const manage = createManageWebhooks({
    database,
    webhooks,
    deliveries,
    ledger,
    audit,
    allowed,
    wake: deliver.wake,
    now,
  });
  return { deliver, manage };
}
