/** Runs once before the browser tests: finds Chromium, or installs Debian's package. */
import { installChromium } from './chromium.ts';

/** A browser that cannot be had fails the tests that need it, each with the reason, and no other. */
export async function setup(): Promise<void> {
  try {
    await installChromium();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
}
