/** One Chatdrop server for all tests of a file or `describe`: started before, stopped after, its log printed when a test fails. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Chatdrop, type ChatdropOptions, startChatdrop } from './chatdrop-process.ts';

const LOG_CHARACTERS_SHOWN = 4000;

/** Returns a function, since the server only runs inside the tests. */
export function chatdropForSuite(options: ChatdropOptions = {}): () => Chatdrop {
  let server: Chatdrop | undefined;
  beforeAll(async () => {
    server = await startChatdrop(options);
  });
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail' || server === undefined) return;
    console.error(
      `--- the server's output until "${task.name}" failed ---\n${server.logs().slice(-LOG_CHARACTERS_SHOWN)}`,
    );
  });
  afterAll(async () => {
    await server?.stop();
  });
  return () => {
    if (server === undefined) throw new Error('The server runs only inside tests.');
    return server;
  };
}
