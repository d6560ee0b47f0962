/** What is counted for the operator's page: by company and day what was shared, refused, saved; and how old what is stored is. */
import type { Knex } from 'knex';
import { createTrigger, dropTrigger } from './triggers.ts';

const DAY_MS = 86_400_000;
/** 1970 began with a Thursday: with three days more, weeks begin on Mondays. */
const weekOf = (ms: string) => `((${ms} / ${DAY_MS} + 3) / 7)`;
const dayOf = (ms: string) => `(${ms} / ${DAY_MS})`;

const DOCUMENTS = [
  'application/pdf',
  'application/rtf',
  'application/json',
  'application/epub+zip',
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet',
  'application/vnd.oasis.opendocument.presentation',
];
/** The kinds by which lists of files are filtered. */
const kindOf = (type: string) => `(case
  when ${type} like 'image/%' then 'image' when ${type} like 'video/%' then 'video' when ${type} like 'audio/%' then 'audio'
  when ${type} like 'text/%' or ${type} in (${DOCUMENTS.map((name) => `'${name}'`).join(', ')}) then 'document'
  else 'other' end)`;

/** Seconds, each the upper end of a step; what takes longer than the last is in a step of its own. */
const STEPS = [
  ...[1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1800],
  ...[3600, 7200, 14_400, 28_800, 86_400],
];
const stepOf = (ms: string) =>
  `(case ${STEPS.map((seconds) => `when ${ms} <= ${seconds * 1000} then '${seconds}'`).join(' ')} else 'longer' end)`;

/** A file's own upload, not a part of one. */
const isWhole = `coalesce(new.upload_concat, '') <> 'partial'`;

const ADDED = `on conflict (company_id, day, measure, detail) do update
        set total = company_statistics.total + excluded.total, bytes = company_statistics.bytes + excluded.bytes`;
const COLUMNS = 'company_statistics (company_id, day, measure, detail, total, bytes)';
/** `measure` and `detail`: expressions. */
const countUpload = (row: 'new' | 'old', measure: string, detail = `''`, total = 1) => `
      insert into ${COLUMNS} values (${row}.company_id, ${dayOf(`${row}.created_at`)}, ${measure}, ${detail}, ${total}, 0)
        ${ADDED};`;
const addStored = (row: 'new' | 'old', files: string, bytes: string) => `
      insert into stored_weeks (company_id, week, files, bytes)
        values (${row}.company_id, ${weekOf(`${row}.created_at`)}, ${files}, ${bytes})
        on conflict (company_id, week) do update
        set files = stored_weeks.files + excluded.files, bytes = stored_weeks.bytes + excluded.bytes;`;

const NOTE_FIRST_FILE =
  'update chat_sessions set first_file_at = new.created_at where id = new.chat_session_id and first_file_at is null;';

/**
 * Their names come after those of `company_usage` and `daily_bytes`: whoever locks one of these rows has locked the company
 * before. An upload counts on the day on which it began, whatever became of it later: so no share is above the whole.
 */
const TRIGGERS: Record<string, [table: string, event: string, when: string | null, body: string]> = {
  statistics_file_added: [
    'chat_files',
    'after insert',
    null,
    `
      insert into ${COLUMNS}
        values (new.company_id, ${dayOf('new.created_at')}, 'file', ${kindOf('new.mime_type')}, 1, new.size) ${ADDED};
      insert into ${COLUMNS}
        select company_id, ${dayOf('new.created_at')}, 'first_file', ${stepOf('(new.created_at - created_at)')}, 1, 0
        from chat_sessions where id = new.chat_session_id and first_file_at is null ${ADDED};
      ${NOTE_FIRST_FILE}
      ${addStored('new', '1', 'new.size')}`,
  ],
  statistics_file_changed: [
    'chat_files',
    'after update of size',
    'new.size <> old.size',
    addStored('new', '0', 'new.size - old.size'),
  ],
  statistics_file_deleted: ['chat_files', 'after delete', null, addStored('old', '-1', '-old.size')],
  statistics_upload_begun: ['uploads', 'after insert', isWhole, countUpload('new', `'begun'`)],
  // A final upload that turned out to be there already: only such a row goes while it is open.
  statistics_upload_undone: [
    'uploads',
    'after delete',
    `old.state = 'open' and coalesce(old.upload_concat, '') <> 'partial'`,
    countUpload('old', `'begun'`, `''`, -1),
  ],
  statistics_upload_refused: [
    'uploads',
    'after update of state',
    `${isWhole} and new.state <> old.state and new.state = 'rejected'`,
    countUpload('new', `'refused'`, `coalesce(new.refusal_code, '')`),
  ],
  statistics_upload_ended: [
    'uploads',
    'after update of state',
    `${isWhole} and new.state <> old.state and new.state in ('aborted', 'expired')`,
    countUpload('new', 'new.state'),
  ],
  // That a client came back is noted by nobody's leave: it may be so late that the upload is finished by then.
  statistics_upload_resumed: [
    'uploads',
    'after update of resumes',
    `${isWhole} and old.resumes = 0 and new.resumes > 0`,
    `${countUpload('new', `'resumed'`)}
      insert into ${COLUMNS}
        select new.company_id, ${dayOf('new.created_at')}, 'saved', '', 1, 0 where new.state = 'finished' ${ADDED};`,
  ],
  statistics_upload_saved: [
    'uploads',
    'after update of state',
    `${isWhole} and new.resumes > 0 and new.state <> old.state and new.state = 'finished'`,
    countUpload('new', `'saved'`),
  ],
};

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('company_statistics', (table) => {
    table.string('company_id', 64).notNullable();
    table.integer('day').notNullable();
    table.string('measure', 16).notNullable();
    table.string('detail', 64).notNullable();
    table.bigInteger('total').notNullable();
    table.bigInteger('bytes').notNullable();
    table.primary(['company_id', 'day', 'measure', 'detail']);
    table.index(['day', 'measure']);
  });
  await knex.schema.createTable('stored_weeks', (table) => {
    table.string('company_id', 64).notNullable();
    table.integer('week').notNullable();
    table.bigInteger('files').notNullable();
    table.bigInteger('bytes').notNullable();
    table.primary(['company_id', 'week']);
  });
  await knex.schema.alterTable('chat_sessions', (table) => {
    table.bigInteger('first_file_at');
  });
  await countWhatIsThere(knex);
  for (const name of Object.keys(TRIGGERS)) await createCounting(knex, name);
}

/**
 * @param condition further than its own: of a later migration
 * @param noteFile what a file changes in its chat's row, where a later migration has more of that
 */
export async function createCounting(
  knex: Knex,
  name: string,
  condition: string | null = null,
  noteFile = NOTE_FIRST_FILE,
): Promise<void> {
  const [table, event, own, body] = TRIGGERS[name] as (typeof TRIGGERS)[string];
  const when = [own, condition].filter((part) => part !== null).join(' and ');
  await createTrigger(knex, name, table, event, body.replace(NOTE_FIRST_FILE, noteFile), when === '' ? null : when);
}

export async function down(knex: Knex): Promise<void> {
  for (const [name, [table]] of Object.entries(TRIGGERS)) await dropTrigger(knex, name, table);
  await knex.raw('alter table chat_sessions drop column first_file_at');
  await knex.schema.dropTable('stored_weeks');
  await knex.schema.dropTable('company_statistics');
}

/** One pass over the files for each line, and one over the uploads whose rows are left: seconds for some millions. */
async function countWhatIsThere(knex: Knex): Promise<void> {
  const into = (measure: string, detail: string, bytes: string, from: string) =>
    knex.raw(`
      insert into ${COLUMNS}
      select company_id, day, '${measure}', detail, count(*), sum(bytes)
      from (select company_id, ${dayOf('at')} as day, ${detail} as detail, ${bytes} as bytes from (${from}) as found) as counted
      group by company_id, day, detail`);
  await into('file', kindOf('mime_type'), 'size', 'select *, created_at as at from chat_files');
  await knex.raw(`
      insert into stored_weeks (company_id, week, files, bytes)
      select company_id, week, count(*), sum(size)
      from (select company_id, ${weekOf('created_at')} as week, size from chat_files) as counted group by company_id, week`);
  await knex.raw(`
      update chat_sessions set first_file_at =
      (select min(created_at) from chat_files where chat_files.chat_session_id = chat_sessions.id)`);
  const firsts = 'select *, first_file_at as at from chat_sessions where first_file_at is not null';
  await into('first_file', stepOf('(first_file_at - created_at)'), '0', firsts);
  const uploads = (states: string) =>
    `select *, created_at as at from uploads where coalesce(upload_concat, '') <> 'partial' and ${states}`;
  await into('begun', `''`, '0', uploads('true'));
  await into('refused', `coalesce(refusal_code, '')`, '0', uploads(`state = 'rejected'`));
  for (const state of ['aborted', 'expired']) await into(state, `''`, '0', uploads(`state = '${state}'`));
}
