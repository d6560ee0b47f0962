/** `chatdrop files remove`: takes files out of their chats, as `DELETE /api/chat/files/{id}/` does. */
import { type Command, readArguments, UsageError } from './command.ts';
import { withTools } from './with-tools.ts';

export const filesRemove: Command = {
  summary: 'take files out of their chats, by id',
  help: `chatdrop files remove ID…

  Takes files out of their chats: row, bytes and, within a second or two, the event to everybody in the
  chat. Works beside a running server. Exit code 1 when one of them was not there.
`,
  async run(args, { print, note, config }) {
    const { words } = readArguments(args, {}, true);
    if (words.length === 0) throw new UsageError('Give the ids of the files: chatdrop files remove 12 13.');
    for (const word of words) if (!/^\d{1,15}$/.test(word)) throw new UsageError(`“${word}” is not the id of a file.`);
    return withTools(config(), { alone: false }, async ({ files, removeFile }) => {
      let absent = 0;
      for (const id of new Set(words.map(Number))) {
        const file = await files.find(id);
        if (file !== null && (await removeFile(file))) print(`removed ${id}\n`);
        else {
          absent += 1;
          note(`There is no file ${id}.\n`);
        }
      }
      return absent === 0 ? 0 : 1;
    });
  },
};
