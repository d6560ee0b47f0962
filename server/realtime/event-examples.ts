/** One example of each event, for the AsyncAPI document. */
import type { ChatFile } from '../contract/chat-file.ts';
import type { ServerEvent } from '../contract/events.ts';

const place = { company_id: 'COMP_123', session_id: 'session_456' };
const file: ChatFile = {
  id: 123,
  ...place,
  uploader: 'user',
  url: 'https://files.example.com/media/chat/COMP_123/session_456/9f2c.pdf?expires=1782000000&signature=x',
  name: 'report.pdf',
  original_name: 'report.pdf',
  mime_type: 'application/pdf',
  size: 12_345,
  thumbnail: null,
  created_at: '2026-11-22T12:34:56.000Z',
  seq: 7,
  width: null,
  height: null,
  placeholder: null,
  scan: 'not_scanned',
  sha256: null,
};

export const EVENT_EXAMPLES: { [Name in ServerEvent['type']]: Extract<ServerEvent, { type: Name }> } = {
  connection_established: {
    type: 'connection_established',
    message: 'WebSocket connected successfully',
    ...place,
    seq: 6,
  },
  file_shared: { type: 'file_shared', ...file },
  file_updated: { type: 'file_updated', ...file, seq: 8, width: 595, height: 842 },
  file_removed: { type: 'file_removed', id: 123, ...place, seq: 9, reason: 'deleted' },
  file_list: { type: 'file_list', ...place, files: [file], count: 1, next_cursor: null, seq: 8 },
  upload_progress: {
    type: 'upload_progress',
    upload_id: 'b7e1',
    ...place,
    uploader: 'agent',
    name: 'film.mp4',
    size: 52_428_800,
    offset: 10_485_760,
    state: 'uploading',
  },
  error: {
    type: 'error',
    code: 'resync',
    detail: 'Some changes are no longer kept. Take the list as the state.',
  },
};
