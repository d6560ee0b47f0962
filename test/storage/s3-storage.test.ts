/** S3 keeps what every storage keeps. */
import { afterAll } from 'vitest';
import { fileStorageContract } from './file-storage-contract.ts';
import { newS3Place, type S3Place } from './s3-place.ts';

const places = new Map<string, Promise<S3Place>>();

afterAll(async () => {
  for (const place of places.values()) await (await place).remove();
});

fileStorageContract('S3 storage', async (name) => {
  const place = places.get(name) ?? newS3Place();
  places.set(name, place);
  return (await place).open();
});
