/** The browsers that the tests drive. */
import type { DebianProgram } from './debian-programs.ts';

export const CHROMIUM: DebianProgram = {
  title: 'Chromium',
  setting: 'TEST_CHROMIUM',
  commands: ['chromium'],
  debianPackages: ['chromium'],
};
export const FIREFOX: DebianProgram = {
  title: 'Firefox',
  setting: 'TEST_FIREFOX',
  commands: ['firefox-esr', 'firefox'],
  debianPackages: ['firefox-esr'],
};
/** The library that it depends on brings the browser: MiniBrowser. */
export const WEBKIT_DRIVER: DebianProgram = {
  title: 'WebKitGTK',
  setting: 'TEST_WEBKIT_DRIVER',
  commands: ['WebKitWebDriver'],
  debianPackages: ['webkit2gtk-driver'],
};
/** The display of WebKitGTK, which cannot do without one. */
export const XVFB: DebianProgram = {
  title: 'Xvfb',
  setting: 'TEST_XVFB',
  commands: ['Xvfb'],
  debianPackages: ['xvfb'],
};
