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

export async function down(knex: Knex): Promise<void> {
  for (const table of ['s3_pieces', 's3_parts', 's3_uploads']) await knex.schema.dropTable(table);
}
