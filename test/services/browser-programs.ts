/** The browsers that the tests drive. */
import type { DebianProgram } from './debian-programs.ts';

export const CHROMIUM: DebianProgram = {
  title: 'Chromium',
  setting: 'TEST_CHROMIUM',
  commands: ['chromium'],
  debianPackages: ['chromium'],
};
/** Without a window around its pages: a page costs a fifth of the CPU. It keeps no settings. */
export const CHROMIUM_SHELL: DebianProgram = {
  ...CHROMIUM,
  title: 'Chromium’s headless shell',
  commands: ['chromium-headless-shell'],
  debianPackages: ['chromium-headless-shell'],
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
