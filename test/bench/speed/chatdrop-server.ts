/** Chatdrop as `chatdrop serve` runs it, with a look at its own event loop. */
import { main } from '../../../server/main.ts';
import { watchSelf } from './watch-self.ts';

watchSelf();
void main(['serve'], process.env).then((code) => {
  process.exitCode = code;
});
