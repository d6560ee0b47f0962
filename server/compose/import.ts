/** What an import reads from: the rows of another service, and its files. */
import { stat } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { isSqliteFile, openPostgresTable, openSqliteTable } from '../database/source-table.ts';
import { openExport, type SourceRows } from '../import/open-rows.ts';
import { openMediaFolder } from '../storage/media-folder.ts';
import type { MediaSource } from '../storage/media-source.ts';

const POSTGRES = /^postgres(?:ql)?:\/\//;
/** `s3://bucket`, `s3://bucket/prefix`. */
const BUCKET = /^s3:\/\/([^/]+)(?:\/(.*))?$/;
/** One page at a time is read. */
const POOL_SIZE = 1;

/** @param from a database's file or URL, or an export's file. @param table of a database; null: found by its columns */
export async function openSourceRows(from: string, table: string | null): Promise<SourceRows> {
  if (POSTGRES.test(from)) {
    const { openPostgres } = await import('../database/open-postgres.ts');
    const found = await openPostgresTable(openPostgres(from, { poolSize: POOL_SIZE, unhurried: true }), table);
    return { ...found, name: `the table ${found.name}` };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(from))
    throw new Error('Only postgres:// is read by its address. Of any other database: manage.py dumpdata, or CSV.');
  if ((await stat(from)).isDirectory()) throw new Error(`${from} is a folder.`);
  if (!(await isSqliteFile(from))) return openExport(from);
  const found = openSqliteTable(from, table);
  return { ...found, name: `the table ${found.name}` };
}

/** A folder, or a bucket of the store that the AWS_… settings name. */
export async function openMedia({ s3 }: Pick<Config, 's3'>, media: string): Promise<MediaSource> {
  const [, bucket, prefix = ''] = BUCKET.exec(media) ?? [];
  if (bucket === undefined) return openMediaFolder(media);
  if (s3 === undefined)
    throw new Error('A bucket is reached with the AWS_… settings: AWS_STORAGE_BUCKET_NAME is missing.');
  const { openMediaBucket } = await import('../storage/media-bucket.ts');
  return openMediaBucket({ ...s3, bucket }, prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`);
}
