/** Settings as a file in `deploy/` gives them to the server: all of them known, and of values that it takes. */
import { type Config, readConfig } from '../../server/config.ts';
import { SETTINGS } from '../../server/settings.ts';

/** What a container has of the image: see the Dockerfile. */
const IMAGE_SETTINGS = { NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '8001', DATA_DIR: '/var/lib/chatdrop' };

/** @throws for a name that is no setting, and what the server says of a value that it does not take */
export function readDeployedSettings(settings: Record<string, string>): Config {
  const unknown = Object.keys(settings).filter((name) => !(name in SETTINGS));
  if (unknown.length > 0) throw new Error(`No settings: ${unknown.join(', ')}`);
  return readConfig({ ...IMAGE_SETTINGS, ...settings });
}
