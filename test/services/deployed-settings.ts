/** Settings as a file in `deploy/` gives them to the server: all of them known, and of values that it takes. */
import { type Config, readConfig } from '../../server/config.ts';
import { SETTINGS } from '../../server/settings.ts';

/** What a container has of the image: see the Dockerfile. */
const IMAGE_SETTINGS = { NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '8001', DATA_DIR: '/var/lib/chatdrop' };

/** The names of a store, which this version does not know yet. They count as soon as it does. */
const STORE_SETTINGS = /^(?:AWS_|USE_S3_STORAGE$)/;
const knowsStores = 'AWS_STORAGE_BUCKET_NAME' in SETTINGS;

/** @throws for a name that is no setting, and what the server says of a value that it does not take */
export function readDeployedSettings(given: Record<string, string>): Config {
  const settings = Object.fromEntries(
    Object.entries(given).filter(([name]) => knowsStores || !STORE_SETTINGS.test(name)),
  );
  const unknown = Object.keys(settings).filter((name) => !(name in SETTINGS));
  if (unknown.length > 0) throw new Error(`No settings: ${unknown.join(', ')}`);
  return readConfig({ ...IMAGE_SETTINGS, ...settings });
}
