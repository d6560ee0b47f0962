import { expect, it } from 'vitest';
import type { ServerEvent } from '../../server/contract/events.ts';
import { jsonOf, socketIoPacketOf } from '../../server/realtime/encode-event.ts';

it('is made once for all who hear it, and leaves nothing in the event that another would send', () => {
  const event: ServerEvent = { type: 'error', code: 'resync', detail: 'Take the list.' };
  const json = '{"type":"error","code":"resync","detail":"Take the list."}';
  const packet = socketIoPacketOf(event);
  expect(socketIoPacketOf(event)).toBe(packet);
  expect(packet.text).toBe(`2["error",${json}]`);
  // One whole text frame, its length, and Engine.IO's own mark of a message.
  expect(Buffer.concat(packet.options.wsPreEncodedFrame).toString('latin1')).toBe(
    `\x81${String.fromCharCode(json.length + 12)}42["error",${json}]`,
  );
  expect(jsonOf(event)).toBe(json);
  expect(JSON.stringify(event)).toBe(json);
  expect(Object.keys(event)).toEqual(['type', 'code', 'detail']);
});
