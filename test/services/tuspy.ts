/** Python with tuspy, somebody else's tus client: Debian's package, installed where it is missing. */
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';

const TUSPY: DebianProgram = {
  title: 'tuspy for Python',
  setting: 'TEST_TUSPY_PYTHON',
  // Debian's own Python, which is where apt puts the library.
  commands: ['/usr/bin/python3'],
  needs: '/usr/lib/python3/dist-packages/tusclient',
  debianPackages: ['python3-tuspy'],
};

/** A Python that has it. */
export async function installTuspy(): Promise<string> {
  await installDebianPrograms([TUSPY]);
  return debianProgram(TUSPY);
}
