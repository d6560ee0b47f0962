/** A screen in memory for programs that want an X display; each has its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { XVFB } from './browser-programs.ts';
import { debianProgram } from './debian-programs.ts';

export type Xvfb = {
  /** For DISPLAY, like `:7`. */
  display: string;
  stop(): Promise<void>;
};

const SCREEN = '1400x1000x24';

/** It picks a free display number itself and says it when it is ready, so that any number can run side by side. */
export async function startXvfb(): Promise<Xvfb> {
  const child = spawn(
    debianProgram(XVFB),
    ['-displayfd', '3', '-screen', '0', SCREEN, '-nolisten', 'tcp', '-noreset'],
    { env: { PATH: process.env.PATH }, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
  );
  const onExit = () => void child.kill('SIGTERM');
  process.on('exit', onExit);
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      process.off('exit', onExit);
      resolve();
    });
  });
  const failed = once(child, 'error').then(([error]) => error as Error);
  const number = await firstLine(child.stdio[3] as Readable);
  if (number === '' || child.pid === undefined) {
    child.kill('SIGKILL');
    throw new Error('Xvfb did not start.', { cause: child.pid === undefined ? await failed : undefined });
  }
  return {
    display: `:${number}`,
    async stop() {
      // Not SIGKILL: that would leave its socket in /tmp.
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Empty when it ends without one. */
async function firstLine(stream: Readable): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) {
    text += piece;
    if (text.includes('\n')) break;
  }
  return text.trim();
}
