/** Webhooks: where each company is told of its files, and what is owed to each of these endpoints. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

/** A message is owed by a trigger: no way in which a file comes or goes can forget it, and without endpoints it costs one look. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('webhooks', (table) => {
    table.bigIncrements('id');
    table.string('company_id', 64).notNullable();
    table.text('url').notNullable();
    table.text('description').notNullable();
    // Each between commas, and one before the first and after the last.
    table.text('events').notNullable();
    // JSON, the newest first: the others sign too until their time is over.
    table.text('secrets').notNullable();
    table.bigInteger('disabled_at');
    table.string('disabled_reason', 16);
    // Tries that failed since one was answered, and since when; nothing is sent there before `not_before`.
    table.integer('failures').notNullable().defaultTo(0);
    table.bigInteger('failing_since');
    table.bigInteger('not_before').notNullable().defaultTo(0);
    table.bigInteger('created_at').notNullable();
    table.index(['company_id', 'id']);
  });
  await knex.schema.createTable('webhook_deliveries', (table) => {
    table.bigIncrements('id');
    // No foreign key: a file would have to wait for whoever changes an endpoint.
    table.bigInteger('webhook_id').notNullable();
    table.string('company_id', 64).notNullable();
    table.string('session_id', 64);
    table
      .string('message_id', 40)
      .notNullable()
      .defaultTo(knex.raw(sql(knex).messageId));
    table.string('type', 32).notNullable();
    // Of the file, the upload or the find: the message is made of it when it is sent.
    table.string('subject_id', 64);
    table.bigInteger('seq');
    table.string('reason', 64);
    table.bigInteger('occurred_at').notNullable();
    table.integer('attempts').notNullable().defaultTo(0);
    table.bigInteger('next_attempt_at').notNullable().defaultTo(0);
    table.text('last_error');
    table.string('lease_token', 64);
    table.bigInteger('lease_until');
    table.bigInteger('ended_at');
    table.string('outcome', 16);
    // Of the last try.
    table.bigInteger('attempted_at');
    table.integer('status');
    table.integer('duration_ms');
    table.text('response');
    table.index(['webhook_id', 'id']);
    table.index(['occurred_at']);
    table.index(['company_id', 'session_id']);
  });
  await knex.raw(
    'create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_attempt_at, id) where ended_at is null',
  );
  await knex.raw('create index webhook_deliveries_next on webhook_deliveries (next_attempt_at) where ended_at is null');
  await createTriggers(knex);
}

export async function down(knex: Knex): Promise<void> {
  await dropTrigger(knex, 'ledger_owes_webhooks', 'ledger');
  await dropTrigger(knex, 'infections_owe_webhooks', 'infections');
  await dropTrigger(knex, 'uploads_owe_webhooks', 'uploads');
  await knex.schema.dropTable('webhook_deliveries');
  await knex.schema.dropTable('webhooks');
}

async function createTriggers(knex: Knex): Promise<void> {
  const owe = (type: string, values: string) =>
    `insert into webhook_deliveries (webhook_id, company_id, type, session_id, subject_id, seq, reason, occurred_at)
     select id, company_id, ${type}, ${values} from webhooks
     where company_id = new.company_id and events like '%,' || ${type} || ',%';`;
  await createTrigger(
    knex,
    'ledger_owes_webhooks',
    'ledger',
    'after insert',
    owe(
      `replace(new.type, '_', '.')`,
      'new.session_id, cast(new.file_id as text), new.seq, new.reason, new.created_at',
    ),
    `new.type in ('file_shared', 'file_removed')`,
  );
  await createTrigger(
    knex,
    'infections_owe_webhooks',
    'infections',
    'after insert',
    owe(`'file.infected'`, 'new.session_id, cast(new.id as text), null, null, new.found_at'),
  );
  // A part fails with its whole. Who ends an upload, or deletes its session, knows.
  await createTrigger(
    knex,
    'uploads_owe_webhooks',
    'uploads',
    'after update of state',
    owe(
      `'upload.failed'`,
      `nullif(new.session_id, ''), new.id, null, coalesce(new.refusal_code, 'expired'), ${sql(knex).nowMs}`,
    ),
    `new.state in ('rejected', 'expired') and old.state <> new.state and coalesce(new.upload_concat, '') <> 'partial'`,
  );
}

/** What the dialects say differently. */
function sql(knex: Knex): { messageId: string; nowMs: string } {
  return knex.client.dialect !== 'postgresql'
    ? {
        messageId: `('msg_' || lower(hex(randomblob(16))))`,
        nowMs: `cast((julianday('now') - 2440587.5) * 86400000 as integer)`,
      }
    : {
        messageId: `('msg_' || replace(gen_random_uuid()::text, '-', ''))`,
        nowMs: `cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
      };
}
