/** `server_values`: what the server made up once and all nodes share, such as the key of the signed links. */
import { randomBytes } from 'node:crypto';
import type { Database } from './open-database.ts';

/** A random secret by name, made at the first call. 48 bytes, base64url. */
export async function sharedSecret(database: Database, name: string): Promise<string> {
  await database('server_values')
    .insert({ name, value: randomBytes(48).toString('base64url') })
    .onConflict('name')
    .ignore();
  const row = await database('server_values').where({ name }).first('value');
  return row.value;
}
