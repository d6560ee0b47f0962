/** The other client of `event-latency-work.ts`: `PORT TOKEN`. Notes when it hears of each file, and says so when asked. */
import { io } from 'socket.io-client';
import type { Arrivals } from './event-latency-work.ts';

const [port, token] = process.argv.slice(2);
const arrivals: Arrivals = {};
const socket = io(`http://127.0.0.1:${port}`, { auth: { token }, transports: ['websocket'] });
socket.on('file_shared', ({ name }: { name: string }) => {
  arrivals[name] = String(process.hrtime.bigint());
});
socket.once('connection_established', () => {
  void socket.emitWithAck('follow', {}).then(() => process.send?.('ready'));
});
process.on('message', () => process.send?.(arrivals));
