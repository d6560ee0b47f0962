/** The headers that the API reads and writes, as the OpenAPI document describes them. */

const wholeNumber = { type: 'integer', minimum: 0 };
const text = { type: 'string' };

/** By name: what it says, and its schema. */
export const HEADERS: Record<string, { description: string; schema: object; required?: true }> = {
  'Tus-Resumable': {
    description: 'the version of tus that is spoken',
    schema: { type: 'string', const: '1.0.0' },
    required: true,
  },
  'Tus-Version': { description: 'the versions that are spoken', schema: text },
  'Tus-Extension': { description: 'the extensions that are offered, with commas between', schema: text },
  'Tus-Max-Size': { description: 'bytes of the largest upload', schema: wholeNumber },
  'Tus-Checksum-Algorithm': { description: 'what Upload-Checksum may use, with commas between', schema: text },
  'Upload-Checksum': {
    description: 'algorithm, a space, and the checksum of this body in base64; also as a trailer',
    schema: text,
  },
  'Upload-Concat': {
    description: '`partial`, or `final;` and the URLs of the partial uploads with spaces between',
    schema: text,
  },
  'Upload-Length': { description: 'bytes of the whole upload', schema: wholeNumber },
  'Upload-Defer-Length': { description: 'the length comes later', schema: { type: 'string', const: '1' } },
  'Upload-Offset': { description: 'bytes that the server has', schema: wholeNumber },
  'Upload-Metadata': {
    description:
      'pairs of a key and a base64 value, with commas between: filename, filetype, company_id, session_id, file_key, sha256; all optional',
    schema: text,
  },
  'Upload-Expires': { description: 'when the unfinished upload ends, RFC 9110 date', schema: text },
  'Chat-File-Id': { description: 'the id of the file that the upload has become', schema: wholeNumber },
  Location: { description: 'where it is', schema: { type: 'string', format: 'uri-reference' } },
  'Set-Cookie': { description: 'the chatdrop cookie', schema: text },
  ETag: { description: 'changes with the bytes', schema: text },
  'If-Match': { description: 'the ETag of what is to be replaced; 412 when it is another by now', schema: text },
  'If-None-Match': { description: 'the ETag of what the client has', schema: text },
  Range: { description: 'the bytes asked for: one range', schema: text },
  'Accept-Ranges': { description: 'byte ranges can be asked for', schema: text },
  'Content-Range': { description: 'the bytes that are sent', schema: text },
  'Content-Disposition': { description: 'inline or attachment, and the name', schema: text },
  RateLimit: { description: 'what is left of the creations of a minute, and until when', schema: text },
  'RateLimit-Policy': { description: 'the limits that count', schema: text },
  'Retry-After': { description: 'seconds to wait before the next try', schema: wholeNumber },
};
