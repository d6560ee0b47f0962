/** Runs once before the browser tests: finds the browsers, or installs Debian's packages. */
import { removeAbandonedHomes } from './browser-home.ts';
import { CHROMIUM, CHROMIUM_SHELL, FIREFOX, WEBKIT_DRIVER, XVFB } from './browser-programs.ts';
import { installDebianPrograms } from './debian-programs.ts';

/** A browser that cannot be had fails the tests that need it, each with the reason, and no other. */
export async function setup(): Promise<void> {
  await removeAbandonedHomes();
  try {
    await installDebianPrograms([CHROMIUM, CHROMIUM_SHELL, FIREFOX, WEBKIT_DRIVER, XVFB]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
}
