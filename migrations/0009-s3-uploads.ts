/** Unfinished uploads in an S3 bucket: which parts and objects hold their bytes, and how many of them count. */
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('s3_uploads', (table) => {
    table.string('upload_id', 32).primary();
    // Null while the length is deferred.
    table.bigInteger('size');
    table.bigInteger('part_size').notNullable();
    table.bigInteger('bytes').notNullable().defaultTo(0);
    table.integer('parts').notNullable().defaultTo(0);
    table.integer('version').notNullable().defaultTo(0);
    // The first bytes: those of a part cannot be read before all are put together.
    table.binary('head').notNullable();
    table.text('multipart_key');
    table.text('multipart_id');
    // Where the file will be; noted before anything is begun there, so that what a crash leaves is found.
    table.text('final_key');
  });
  await knex.schema.createTable('s3_parts', (table) => {
    table.string('upload_id', 32).notNullable();
    table.integer('number').notNullable();
    table.text('etag').notNullable();
    table.primary(['upload_id', 'number']);
  });
  await knex.schema.createTable('s3_pieces', (table) => {
    table.string('upload_id', 32).notNullable();
    table.bigInteger('start').notNullable();
    table.bigInteger('size').notNullable();
    table.string('name', 255).notNullable();
    table.primary(['upload_id', 'name']);
  });
}

/** Without the tables nobody knows which bytes in the bucket count. */
export async function down(knex: Knex): Promise<void> {
  const [row] = await knex('s3_uploads').count({ open: '*' });
  const open = Number(row?.open ?? 0);
  if (open > 0)
    throw new Error(
      `${open} unfinished uploads have bytes in S3, which would be lost. Let them finish or expire, and run chatdrop sweep; then go down.`,
    );
  for (const table of ['s3_pieces', 's3_parts', 's3_uploads']) await knex.schema.dropTable(table);
}
