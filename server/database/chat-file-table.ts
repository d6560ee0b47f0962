/** `chat_files`: a row for each file that is shared in a chat. All SQL of the table, and row ↔ object. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';
import { type FileKind, type FileOrder, foldedName, KIND_TYPES } from '../contract/file-filter.ts';
import { isPostgres } from './dialect.ts';
import type { Database } from './open-database.ts';
import { runnerOf } from './run-statements.ts';
import { type Columns, insertion, rowOf, rowsOf, runWithin, type Steps, statement } from './statement.ts';

export type FileRecord = {
  id: number;
  uploadId: string;
  company: string;
  session: string;
  uploader: Uploader;
  storageKey: string;
  name: string;
  mimeType: string;
  sizeBytes: number;
  thumbnailKey: string | null;
  width: number | null;
  height: number | null;
  placeholder: string | null;
  scan: 'clean' | 'not_scanned';
  sha256: string | null;
  seq: number;
  createdAt: number;
  /** How often the links to it were taken back: older ones are good no more. */
  linkEpoch: number;
};

/** `profileId`: whose it was; null where that was forgotten before. */
export type TakenFile = FileRecord & { profileId: number | null };

export type NewFile = Omit<FileRecord, 'id' | 'thumbnailKey' | 'width' | 'height' | 'placeholder' | 'linkEpoch'> & {
  /** Of an import, whose ids are known elsewhere: see `imported-file-table.ts`. The next one if not given. */
  id?: number | undefined;
  /** Null: nobody knows which agent it was. */
  profileId: number | null;
  chatSessionId: number;
  /** Where the upload has no row of its own: what may still be asked of it. */
  upload?: FinishedUpload | undefined;
};

/** `sizeBytes`: as it was announced and came. `subject`: of an agent. `metadata`: as it is echoed. */
export type FinishedUpload = { sizeBytes: number; subject: string | null; metadata: string | null; expiresAt: number };

/** Less than the second after which PostgreSQL looks for deadlocks, and picks a victim. */
const LOCK_TIMEOUT_MS = 500;

/** `width` and `height`: of the picture as it is shown. `placeholder`: a thumbhash, base64. */
export type PreviewFacts = { thumbnailKey: string; width: number; height: number; placeholder: string };

/** Where a page of files begins: behind this id, in this order. */
export type FilePlace = { order: FileOrder; beyondId: number | null };

export type FileFilter = {
  mimeType?: string | undefined;
  kind?: FileKind | undefined;
  uploader?: Uploader | undefined;
  nameContains?: string | undefined;
};

/** Of a company, of one session of it, or what one side of that chat sent. */
export type FileScope = { company: string; session: string | null; uploader: Uploader | null };

/**
 * Files of a chat, by company and session. SQLite has them by the chat's row, in the order of their ids; and is not to be told their
 * company a second time, or it takes an index that leads to all of that.
 */
const FILES_OF_CHAT = {
  sqlite: 'chat_session_id = (select id from chat_sessions where company_id = ? and session_id = ?)',
  postgres: 'company_id = ? and session_id = ?',
};

const COLUMNS: Columns<NewFile> = {
  upload_id: (file) => file.uploadId,
  company_id: (file) => file.company,
  session_id: (file) => file.session,
  uploader: (file) => file.uploader,
  storage_key: (file) => file.storageKey,
  original_name: (file) => file.name,
  search_name: (file) => searchName(file.name),
  mime_type: (file) => file.mimeType,
  size: (file) => file.sizeBytes,
  scan: (file) => file.scan,
  sha256: (file) => file.sha256,
  seq: (file) => file.seq,
  created_at: (file) => file.createdAt,
  user_profile_id: (file) => file.profileId,
  chat_session_id: (file) => file.chatSessionId,
  upload_size: (file) => file.upload?.sizeBytes ?? null,
  upload_subject: (file) => file.upload?.subject ?? null,
  upload_metadata: (file) => file.upload?.metadata ?? null,
  upload_expires_at: (file) => file.upload?.expiresAt ?? null,
};
const INSERT = insertion<NewFile, { id: number }>('chat_files', COLUMNS, 'returning id');
const WITH_ID: Columns<NewFile> = { id: (file) => file.id ?? null, ...COLUMNS };
const INSERT_WITH_ID = insertion<NewFile, { id: number }>('chat_files', WITH_ID, 'returning id');
const countOfSide = (ofChat: string) => `select count(*) as files from (
  select id from chat_files where ${ofChat} and uploader || '' = ? limit cast(? as bigint)) as counted`;
const COUNT_OF_SIDE = statement<{ files: number }>({
  sqlite: countOfSide(FILES_OF_CHAT.sqlite),
  postgres: countOfSide(FILES_OF_CHAT.postgres),
});
const FIND = statement<Row>('select * from chat_files where id = ?');
/** By a JSON list of their ids. */
const FIND_MANY = statement<Row>({
  sqlite: 'select * from chat_files where id in (select value from json_each(?))',
  postgres: 'select * from chat_files where id in (select value::bigint from json_array_elements_text(?::json))',
});

type Side = Pick<FileRecord, 'company' | 'session' | 'uploader'>;

const steps = {
  /** @returns the new id. Throws on a second row for the same upload: the unique index is the last guard. */
  *insert(file: NewFile): Steps<number> {
    const inserting = file.id === undefined ? INSERT : INSERT_WITH_ID;
    const row = yield* rowOf(inserting.statement, inserting.valuesOf(file));
    return (row as { id: number }).id;
  },

  /**
   * Files of one side of a chat, counted no further than `atMost`: a creation waits for it. Where both sides have fewer
   * together, it is these: how many a chat has is in its row.
   * @param ofChat how many both sides have together
   */
  *countOfSide({ company, session, uploader }: Side, atMost: number, ofChat: number): Steps<number> {
    if (ofChat < atMost) return ofChat;
    const ofSide = yield* rowOf(COUNT_OF_SIDE, [company, session, uploader, atMost]);
    return Number(ofSide?.files);
  },
};

export type ChatFileTable = ReturnType<typeof createChatFileTable>;

export function createChatFileTable(database: Database) {
  const within = ({ company, session, uploader }: FileScope): Knex.QueryBuilder => {
    const files = filesOf(database, company, session);
    return uploader === null ? files : files.andWhere({ uploader });
  };
  const older = (company: string, uploader: Uploader, beforeMs: number): Knex.QueryBuilder =>
    database('chat_files').where({ company_id: company, uploader }).andWhere('created_at', '<', beforeMs);

  return {
    steps,

    async insert(transaction: Knex.Transaction, file: NewFile): Promise<number> {
      return runWithin(transaction, steps.insert(file));
    },

    /** Whether a file has it now. */
    async hasId(transaction: Knex.Transaction, id: number): Promise<boolean> {
      return (await transaction('chat_files').where({ id }).first('id')) !== undefined;
    },

    async find(id: number): Promise<FileRecord | null> {
      return fromRowOrNull(await runnerOf(database).read(() => rowOf(FIND, [id])));
    },

    async findMany(ids: readonly number[]): Promise<Map<number, FileRecord>> {
      if (ids.length === 0) return new Map();
      const rows = await runnerOf(database).read(() => rowsOf(FIND_MANY, [JSON.stringify(ids)]));
      return new Map(rows.map((row) => [row.id, fromRow(row)]));
    },

    async findByKey(storageKey: string): Promise<FileRecord | null> {
      return fromRowOrNull(await database('chat_files').where({ storage_key: storageKey }).first());
    },

    /** The file whose thumbnail lies there. */
    async findByThumbnail(thumbnailKey: string): Promise<FileRecord | null> {
      return fromRowOrNull(await database('chat_files').where({ thumbnail: thumbnailKey }).first());
    },

    /** By key, of the file or of its thumbnail; without those that no file has. */
    async findByKeys(keys: readonly string[]): Promise<Map<string, FileRecord>> {
      const rows = await database('chat_files').whereIn('storage_key', [...keys]);
      const byThumbnail = await database('chat_files').whereIn('thumbnail', [...keys]);
      return new Map([
        ...rows.map((row) => [row.storage_key, fromRow(row)] as const),
        ...byThumbnail.map((row) => [row.thumbnail, fromRow(row)] as const),
      ]);
    },

    /** Of a session, or of the whole company when `session` is null. One more than asked tells whether there is a next page. */
    async list(
      company: string,
      session: string | null,
      filter: FileFilter,
      { order, beyondId }: FilePlace,
      maxFiles: number,
    ): Promise<FileRecord[]> {
      const query = matching(database, company, session, filter);
      // PostgreSQL would take the primary key for it: see migration 0010.
      const place = session === null && isPostgres(database) ? 'id + 0' : 'id';
      if (beyondId !== null) query.andWhereRaw(`${place} ${order === 'oldest' ? '>' : '<'} ?`, [beyondId]);
      const rows = await query.orderByRaw(`${place} ${order === 'oldest' ? 'asc' : 'desc'}`).limit(maxFiles);
      return rows.map(fromRow);
    },

    /** All that match, whatever the page. */
    async count(company: string, session: string | null, filter: FileFilter): Promise<number> {
      const row = await matching(database, company, session, filter).count({ total: '*' }).first();
      return Number(row?.total ?? 0);
    },

    /** A page of all files, by id; of one company or session where one is given. */
    async pageAll(
      afterId: number,
      maxFiles: number,
      only: {
        company?: string | undefined;
        session?: string | undefined;
        scan?: FileRecord['scan'] | undefined;
        createdSince?: number | undefined;
      } = {},
    ): Promise<FileRecord[]> {
      const { company, session = null } = only;
      const query = company === undefined ? database('chat_files') : filesOf(database, company, session);
      query.andWhere('id', '>', afterId);
      if (company === undefined && session !== null) query.andWhere({ session_id: session });
      if (only.scan !== undefined) query.andWhere({ scan: only.scan });
      if (only.createdSince !== undefined) query.andWhere('created_at', '>=', only.createdSince);
      const rows = await query.orderBy('id').limit(maxFiles);
      return rows.map(fromRow);
    },

    /** What a reading of the bytes has shown. */
    async noteSha256(id: number, sha256: string): Promise<void> {
      await database('chat_files').where({ id }).whereNull('sha256').update({ sha256 });
    },

    /** The same of several, by their keys. */
    async noteHashes(hashes: readonly { key: string; sha256: string }[]): Promise<void> {
      await database.transaction(async (transaction) => {
        for (const { key, sha256 } of hashes)
          await transaction('chat_files').where({ storage_key: key }).whereNull('sha256').update({ sha256 });
      });
    },

    /** A scanner has seen the bytes. @returns false when that was known already, with their sha256 */
    async noteClean(transaction: Knex.Transaction, id: number, sha256: string): Promise<boolean> {
      const news = transaction('chat_files').where({ id });
      news.andWhere((either) => either.whereNot({ scan: 'clean' }).orWhereNull('sha256'));
      return (await news.update({ scan: 'clean', sha256 })) === 1;
    },

    /** @returns false when the file is gone, or has one already */
    async setPreview(transaction: Knex.Transaction, id: number, preview: PreviewFacts): Promise<boolean> {
      const { thumbnailKey, width, height, placeholder } = preview;
      // Who removes a file or a session may lock these rows the other way round: that one has to win, so this one gives up first.
      if (isPostgres(database)) await transaction.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const change = { thumbnail: thumbnailKey, width, height, placeholder };
      return (await transaction('chat_files').where({ id }).whereNull('thumbnail').update(change)) === 1;
    },

    /** Its bytes are not there. */
    async forgetThumbnail(transaction: Knex.Transaction, id: number, thumbnailKey: string): Promise<boolean> {
      const lost = transaction('chat_files').where({ id, thumbnail: thumbnailKey });
      return (await lost.update({ thumbnail: null })) === 1;
    },

    /** Which of these keys belong to something: a file, a finish, a preview or an import under way, or the list of what is to be deleted. */
    async ownedKeys(keys: readonly string[]): Promise<Set<string>> {
      const lists = await Promise.all([
        database('chat_files').whereIn('storage_key', keys).pluck('storage_key'),
        database('chat_files').whereIn('thumbnail', keys).pluck('thumbnail'),
        database('uploads').whereIn('state', ['open', 'finishing']).whereIn('storage_key', keys).pluck('storage_key'),
        database('removed_objects').whereIn('storage_key', keys).pluck('storage_key'),
        database('preview_jobs').whereIn('thumbnail_key', keys).pluck('thumbnail_key'),
        database('imported_files').whereIn('storage_key', keys).pluck('storage_key'),
      ]);
      return new Set(lists.flat());
    },

    /** The greatest id so far; 0 where there is none. */
    async lastId(): Promise<number> {
      const row = await database('chat_files').max({ last: 'id' }).first();
      return row?.last ?? 0;
    },

    /** From now on links that were made before are good no more. @returns the ids of the files that there are, in order */
    async revokeLinks(
      transaction: Knex.Transaction,
      of: { id: number } | { company: string; session: string },
    ): Promise<number[]> {
      const files =
        'id' in of ? transaction('chat_files').where({ id: of.id }) : filesOf(transaction, of.company, of.session);
      const rows = await files.update({ link_epoch: transaction.raw('link_epoch + 1') }).returning('id');
      return rows.map((row: Row) => row.id).toSorted((a: number, b: number) => a - b);
    },

    async isAny(scope: FileScope): Promise<boolean> {
      return (await within(scope).first('id')) !== undefined;
    },

    /** Removes these. @returns what was there. A trigger notes their bytes in `removed_objects` */
    async take(transaction: Knex.Transaction, ids: readonly number[]): Promise<TakenFile[]> {
      const rows = await transaction('chat_files')
        .whereIn('id', [...ids])
        .orderBy('id')
        .forUpdate();
      await transaction('chat_files')
        .whereIn('id', [...ids])
        .delete();
      return rows.map((row) => ({ ...fromRow(row), profileId: row.user_profile_id }));
    },

    /** Ids of a page of a scope, oldest first, up to an id. */
    async idsUpTo(scope: FileScope, throughId: number, maxFiles: number): Promise<number[]> {
      const place = scope.session === null && isPostgres(database) ? 'id + 0' : 'id';
      return within(scope).andWhereRaw(`${place} <= ?`, [throughId]).orderByRaw(place).limit(maxFiles).pluck('id');
    },

    /** Ids of a page of what one side of a company shared before a time, oldest first. */
    async idsOlder(company: string, uploader: Uploader, beforeMs: number, maxFiles: number): Promise<number[]> {
      return older(company, uploader, beforeMs).orderBy('created_at').limit(maxFiles).pluck('id');
    },

    /** How many these are, and their bytes. */
    async sumOlder(company: string, uploader: Uploader, beforeMs: number): Promise<{ files: number; bytes: number }> {
      return sumOf(older(company, uploader, beforeMs), database);
    },

    /** Files of a scope, and their bytes. */
    async sumOf(scope: FileScope): Promise<{ files: number; bytes: number }> {
      return sumOf(within(scope), database);
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

/** Of a company, or of one session of it. */
function filesOf(database: Knex, company: string, session: string | null): Knex.QueryBuilder {
  const files = database('chat_files');
  if (session === null) return files.where({ company_id: company });
  return files.whereRaw(isPostgres(database) ? FILES_OF_CHAT.postgres : FILES_OF_CHAT.sqlite, [company, session]);
}

function matching(database: Database, company: string, session: string | null, filter: FileFilter): Knex.QueryBuilder {
  const query = filesOf(database, company, session);
  const { mimeType, kind } = filter;
  if (mimeType !== undefined) query.andWhere((types) => orOfType(types, mimeType));
  if (kind === 'other') {
    query.whereNot((types) => Object.values(KIND_TYPES).flat().reduce(orOfType, types));
  } else if (kind !== undefined) {
    query.andWhere((types) => KIND_TYPES[kind].reduce(orOfType, types));
  }
  if (filter.uploader !== undefined) query.andWhere({ uploader: filter.uploader });
  if (filter.nameContains !== undefined) {
    query.andWhereRaw(`search_name like ? escape '!'`, [`%${likeText(searchName(filter.nameContains))}%`]);
  }
  return query;
}

async function sumOf(files: Knex.QueryBuilder, database: Database): Promise<{ files: number; bytes: number }> {
  const row: Row = await files.select(database.raw('count(*) as files, sum(size) as bytes')).first();
  return { files: Number(row.files), bytes: Number(row.bytes ?? 0) };
}

/** `type`: one type, or a family such as `image/*`. */
function orOfType(query: Knex.QueryBuilder, type: string): Knex.QueryBuilder {
  if (!type.endsWith('/*')) return query.orWhere({ mime_type: type });
  return query.orWhereRaw(`mime_type like ? escape '!'`, [`${likeText(type.slice(0, -1))}%`]);
}

function likeText(text: string): string {
  return text.replaceAll(/[!%_]/g, '!$&');
}

function searchName(name: string): string {
  // SQLite's LIKE ends at a NUL, which no name holds.
  return foldedName(name).replaceAll('\0', '\u{FFFD}');
}

function fromRowOrNull(row: Row | undefined): FileRecord | null {
  return row === undefined ? null : fromRow(row);
}

function fromRow(row: Row): FileRecord {
  return {
    id: row.id,
    uploadId: row.upload_id,
    company: row.company_id,
    session: row.session_id,
    uploader: row.uploader,
    storageKey: row.storage_key,
    name: row.original_name,
    mimeType: row.mime_type,
    sizeBytes: row.size,
    thumbnailKey: row.thumbnail,
    width: row.width,
    height: row.height,
    placeholder: row.placeholder,
    scan: row.scan,
    sha256: row.sha256,
    seq: row.seq,
    createdAt: row.created_at,
    linkEpoch: row.link_epoch,
  };
}
