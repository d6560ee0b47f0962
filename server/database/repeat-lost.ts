/** Two transactions that take the same rows in different orders: PostgreSQL ends one, and it is done again. */

/** Of a transaction that met another in the opposite order, or whose place in a queue took too long. */
const MAX_TRIES = 5;
const DEADLOCK = '40P01';
const SERIALIZATION = '40001';

/** What runs in a transaction here changes nothing but the database, so that it may. */
export async function repeatLost<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await transaction();
    } catch (error) {
      const { code } = error as { code?: string };
      if (tries === MAX_TRIES || (code !== DEADLOCK && code !== SERIALIZATION)) throw error;
    }
  }
}
