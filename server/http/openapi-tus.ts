/** The tus endpoint in the document: what the tus 1.0.0 specification says of it, by verb and header. */
import type { Operation } from './openapi-operation.ts';

const OFFSET_STREAM = 'application/offset+octet-stream';
const OFFERED = {
  tag: 'tus',
  summary: 'what is offered: version, extensions, largest size',
  who: 'none',
  answers: {
    200: {
      what: 'see the headers',
      headers: ['Tus-Resumable', 'Tus-Version', 'Tus-Extension', 'Tus-Max-Size', 'Tus-Checksum-Algorithm'],
    },
  },
} as const satisfies Operation;

export const TUS_OPERATIONS: Record<string, Operation> = {
  'POST /api/chat/tus/': {
    tag: 'tus',
    summary: 'create an upload, with its first bytes if you like',
    who: 'caller',
    headers: [
      'Tus-Resumable',
      'Upload-Length',
      'Upload-Defer-Length',
      'Upload-Metadata',
      'Upload-Concat',
      'Upload-Checksum',
    ],
    body: { type: OFFSET_STREAM },
    answers: {
      201: {
        what: 'created; with the file’s id when it is complete already',
        headers: [
          'Tus-Resumable',
          'Location',
          'Upload-Offset',
          'Upload-Expires',
          'Chat-File-Id',
          'RateLimit',
          'RateLimit-Policy',
        ],
      },
    },
  },
  'OPTIONS /api/chat/tus/': OFFERED,
  'HEAD /api/chat/tus/{id}': {
    tag: 'tus',
    summary: 'where an upload stands',
    who: 'caller',
    headers: ['Tus-Resumable'],
    answers: {
      200: {
        what: 'the offset; with the file’s id when it is complete',
        headers: [
          'Tus-Resumable',
          'Upload-Offset',
          'Upload-Length',
          'Upload-Defer-Length',
          'Upload-Metadata',
          'Upload-Concat',
          'Upload-Expires',
          'Chat-File-Id',
        ],
      },
    },
  },
  'PATCH /api/chat/tus/{id}': {
    tag: 'tus',
    summary: 'bytes from the offset on',
    who: 'caller',
    headers: ['Tus-Resumable', 'Upload-Offset', 'Upload-Length', 'Upload-Checksum'],
    body: { type: OFFSET_STREAM },
    answers: {
      204: {
        what: 'the new offset; with the file’s id when it is complete',
        headers: ['Tus-Resumable', 'Upload-Offset', 'Upload-Expires', 'Chat-File-Id'],
      },
    },
  },
  'DELETE /api/chat/tus/{id}': {
    tag: 'tus',
    summary: 'end an upload; a file that is shared stays',
    who: 'caller',
    headers: ['Tus-Resumable'],
    answers: { 204: { what: 'it has ended', headers: ['Tus-Resumable'] } },
  },
  'OPTIONS /api/chat/tus/{id}': OFFERED,
};
