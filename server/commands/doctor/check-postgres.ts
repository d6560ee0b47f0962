/** PostgreSQL: new enough, written to, durable, and with room for the connections of a node. */
import type { Database } from '../../database/open-database.ts';
import { type Check, ill, well } from './check.ts';

/** The oldest that its makers still mend. */
const OLDEST_VERSION = 14;
/** Beside the pool: the session that holds the locks, and one of the command line. */
const CONNECTIONS_BESIDE_POOL = 2;

export async function checkPostgres(name: string, poolSize: number, database: Database): Promise<Check[]> {
  const setting = async (of: string): Promise<string> => {
    const { rows } = await database.raw('select current_setting(?) as value', [of]);
    return rows[0].value;
  };
  return [await checkVersion(name, setting, database), await checkDurable(setting), await checkRoom(poolSize, setting)];
}

type Setting = (of: string) => Promise<string>;

async function checkVersion(name: string, setting: Setting, database: Database): Promise<Check> {
  const version = await setting('server_version');
  const detail = `${name}, PostgreSQL ${version}`;
  if (Number.parseInt(version, 10) < OLDEST_VERSION) {
    return ill('database', detail, `Upgrade PostgreSQL: ${OLDEST_VERSION} is the oldest that works.`);
  }
  const { rows } = await database.raw('select pg_is_in_recovery() as standby');
  if (rows[0].standby) return ill('database', `${detail}, a standby`, 'Let DATABASE_URL name the primary server.');
  return well('database', detail);
}

async function checkDurable(setting: Setting): Promise<Check> {
  const name = 'database durability';
  const modes = `fsync=${await setting('fsync')}, full_page_writes=${await setting('full_page_writes')}`;
  if (!modes.includes('=off')) return well(name, modes);
  return ill(name, modes, 'Switch both on: without them a power cut loses files that were shared.');
}

async function checkRoom(poolSize: number, setting: Setting): Promise<Check> {
  const name = 'database connections';
  const [most, reserved] = [
    Number(await setting('max_connections')),
    Number(await setting('superuser_reserved_connections')),
  ];
  const nodes = Math.floor((most - reserved) / (poolSize + CONNECTIONS_BESIDE_POOL));
  const detail = `${most} at most, a node takes up to ${poolSize + 1}: room for ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
  if (nodes > 0) return well(name, detail);
  return ill(name, detail, 'Raise max_connections of PostgreSQL, or lower DATABASE_POOL_SIZE.');
}
