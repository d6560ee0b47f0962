/**
 * What each error code means and what to do about it, for the pages that `type` of a problem leads to, and for the
 * documentation. `code` in backticks, nothing else of Markdown.
 */
import type { ProblemCode } from '../contract/problem.ts';

export type ProblemGuide = {
  /** What happened, in the words of whoever met it. */
  what: string;
  /** What brings it about. */
  why: string;
  /** Whether the same request may work later: “Yes”, “No” or a condition, as the first word. */
  again: string;
  /** What a visitor or an agent does. */
  people: string;
  /** What who wrote the client does. */
  developer: string;
  /** What who runs the server does. */
  operator: string;
  /** A section of `docs/runbooks.md`. */
  runbook?: string;
};

/** A code without a row does not compile, nor does a row without a code. */
export const PROBLEM_GUIDE: Record<ProblemCode, ProblemGuide> = {
  'invalid-request': {
    what: 'The server did not understand the request.',
    why: 'A field is missing or malformed, a header contradicts another, or the body is not what its `Content-Type` says. `detail` names the first fault, and for a policy all of them.',
    again: 'No. The same request fails the same way.',
    people: 'Reload the page and try once more. If it stays, tell whoever runs the page.',
    developer:
      'Read `detail`. `/openapi.json` has the form of every request; ids of companies and sessions are 1 to 64 of `A-Z a-z 0-9 _ -`.',
    operator: 'Nothing, unless many come at once: then a client was released with a fault, or a proxy changes headers.',
  },
  unauthenticated: {
    what: 'The request carries no token that this server accepts.',
    why: 'There is none, its signature is not by a key of this server (or of the company it names), `alg`, `iss` or `aud` is another, or a claim is missing.',
    again: 'Yes, with another token.',
    people: 'Sign in again or reload the page.',
    developer:
      'Send `Authorization: Bearer …` with `company_id`, `role`, `exp`, and `session_id` (visitors) or `sub` (agents). As soon as a company has keys of its own, the server’s keys count for it no more.',
    operator:
      'Compare `JWT_SECRET`, `JWT_PUBLIC_KEY` or `JWT_JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE` with what the issuer signs; `chatdrop company show` lists the keys of a company. In the log such a request is `event: refused`.',
    runbook: 'rotate-keys',
  },
  'token-expired': {
    what: 'The token was good and has ended.',
    why: 'Its `exp` has passed; five seconds of difference between clocks are granted.',
    again: 'Yes, with a new token. Nothing of an upload is lost meanwhile.',
    people: 'Reload the page. What was on its way goes on from where it was.',
    developer:
      'Give the widget `getToken`: it asks for a new token by itself, also in the middle of an upload. Other clients fetch one and send the request again.',
    operator: 'If tokens end at once, a clock is wrong: `chatdrop doctor` compares it.',
  },
  forbidden: {
    what: 'The token is good, but not for this.',
    why: 'It belongs to another company or session than the request states, only an agent may do it, or a page of an origin that is not allowed asks with the cookie alone.',
    again: 'No. Another token, or another origin, is needed.',
    people: 'Only an agent of the company may do some things, such as removing what the other side sent.',
    developer:
      'The uploader, company and session are those of the token; leave them out of the request. A page that relies on the cookie must stand on an allowed origin; else send the token in the header.',
    operator:
      'Name the page’s origin in `ALLOWED_ORIGINS` or in `allowed_origins` of the company’s policy. For `/api/admin/` see `ADMIN_ADDRESSES`.',
  },
  'link-invalid': {
    what: 'A link to a file is not one that this server signed, or it was taken back.',
    why: 'It was changed on its way, cut in two by a line break, signed with an older secret, or an agent took the links back.',
    again: 'No. A new link is needed.',
    people: 'Open the file from the chat again.',
    developer: 'Use `url` of a file as it is, and ask `GET /api/chat/files/{id}/` for a fresh one.',
    operator:
      'After a change of `URL_SIGNING_SECRET` all links of before are like this. All nodes need the same secret.',
    runbook: 'rotate-keys',
  },
  'link-expired': {
    what: 'A link to a file was good and has ended.',
    why: 'Links last for `SIGNED_URL_EXPIRY`, an hour if nothing else is set.',
    again: 'No. A new link is needed.',
    people: 'Open the file from the chat again.',
    developer: 'Do not store links. Keep the id of a file and ask `GET /api/chat/files/{id}/` when it is opened.',
    operator: '`SIGNED_URL_EXPIRY` makes links last longer. Whoever has one can open the file for as long.',
  },
  'not-found': {
    what: 'There is nothing here, or nothing that this token may see.',
    why: 'It was removed, it never was, the address is mistyped, or it belongs to another company or chat: the server does not say which.',
    again: 'No.',
    people: 'Reload the page to see what is there.',
    developer:
      'Compare the address with the API table. An upload URL that is 404 for your token may be another uploader’s; a new upload is the remedy.',
    operator:
      '`/api/admin/…` exists only with `ADMIN_TOKEN`, the demo only in development mode. If files are missing whose rows are there, run `chatdrop files verify`.',
  },
  'method-not-allowed': {
    what: 'The address exists, but not for this HTTP method.',
    why: 'The client sent, say, POST to what can only be read.',
    again: 'No.',
    people: 'Reload the page and try once more.',
    developer:
      'The header `Allow` lists the methods. Where a network blocks PATCH, HEAD or DELETE, send POST with `X-HTTP-Method-Override`.',
    operator: 'If it comes suddenly, look whether a proxy rewrites methods or paths.',
  },
  'request-timeout': {
    what: 'The request began and did not arrive whole in time.',
    why: 'The network broke off, or no byte came for a minute.',
    again: 'Yes.',
    people: 'Check your connection. What was on its way goes on by itself.',
    developer:
      'Resumable uploads lose nothing: ask HEAD and go on. Uploads in one request have to be sent again; take tus for large files and phones.',
    operator:
      'If many come, a proxy holds bodies back: it has to pass them on as they come. See the files in `deploy/`.',
    runbook: 'uploads-fail',
  },
  'offset-conflict': {
    what: 'The bytes that were sent do not begin where the upload stands.',
    why: 'An answer was lost and the client sent the same bytes twice, or two devices go on with the same upload.',
    again: 'Yes, from the offset in the header `Upload-Offset`.',
    people: 'Nothing: the page goes on by itself.',
    developer: 'Ask HEAD and go on from the `Upload-Offset` that it answers. tus clients do.',
    operator: 'Nothing.',
  },
  gone: {
    what: 'This upload has ended and cannot go on.',
    why: 'It expired after `UPLOAD_EXPIRY` without a byte, somebody ended it, its session was deleted, its file was refused, or it was a part of one that is whole now.',
    again: 'No. Start a new upload.',
    people: 'Choose the file again.',
    developer: 'Forget the stored upload URL and create a new upload. Do not ask again for this one.',
    operator: '`UPLOAD_EXPIRY` says how long unfinished uploads are kept (24 hours if nothing else is set).',
  },
  'tus-version': {
    what: 'The client speaks another version of the upload protocol.',
    why: 'The header `Tus-Resumable` is missing or is not `1.0.0`.',
    again: 'No.',
    people: 'Reload the page. If it stays, tell whoever runs it.',
    developer: 'Send `Tus-Resumable: 1.0.0` with every request but OPTIONS.',
    operator: 'Look whether a proxy or a firewall drops headers that it does not know.',
  },
  'precondition-failed': {
    what: 'Somebody else has changed this since you read it.',
    why: 'The `If-Match` of the request names an older version of a company’s policy.',
    again: 'No, not without reading it again.',
    people: 'Load it again, and make your change in what you see then.',
    developer: 'GET the policy, apply the change to it, and PUT it with the new ETag in `If-Match`.',
    operator: '`chatdrop audit --action policy_changed` says who changed what.',
  },
  'file-too-large': {
    what: 'The file is larger than files may be here.',
    why: 'The limit is `CHAT_MAX_FILE_SIZE` (25 MB if nothing else is set), or `max_file_size` of the company’s policy.',
    again: 'No.',
    people: 'Send a smaller one: a shorter video, a smaller picture, several archives.',
    developer: '`max_file_size` of `GET /api/chat/config/` says what holds; tell people before they send.',
    operator:
      'Raise `CHAT_MAX_FILE_SIZE`, or give one company more: `chatdrop company set acme max_file_size=5GB`. The scanner’s sizes have to grow too.',
  },
  'unsupported-media-type': {
    what: 'The body of the request is of a kind that is not understood here.',
    why: 'PATCH needs `application/offset+octet-stream`, the upload in one request `multipart/form-data`, the operator’s API JSON.',
    again: 'No.',
    people: 'Reload the page and try once more.',
    developer:
      'Set the `Content-Type` that the route takes. With `FormData` leave it to the browser, which adds the boundary.',
    operator: 'Nothing.',
  },
  'type-not-allowed': {
    what: 'Files of this type are not taken here.',
    why: 'It is not in `CHAT_ALLOWED_FILE_TYPES`, or not in the list that the company’s policy has for visitors or agents. What the bytes are counts, not the name.',
    again: 'No.',
    people: 'Send it as another type, a PDF for example, or ask the other side how else to send it.',
    developer: '`allowed_types` of `GET /api/chat/config/` says what holds for the caller.',
    operator:
      'Add it to `CHAT_ALLOWED_FILE_TYPES`, or for one company: `chatdrop company set acme allowed_types_user=…`. Programs, scripts and web pages stay refused under every setting.',
  },
  'type-mismatch': {
    what: 'The file is not what its name says.',
    why: 'Its ending or the declared type say one thing and its first bytes another: a PNG that is called `.jpg`, a download that is an error page.',
    again: 'No.',
    people: 'Open the file to see whether it is whole, save it with its right ending, and send that.',
    developer: 'Pass `filename` as it is and leave `filetype` out where you do not know it: the bytes decide then.',
    operator: 'Nothing. `detail` of the answer says which of the three does not fit.',
  },
  executable: {
    what: 'Programs, scripts, web pages and documents with macros are not taken.',
    why: 'Whoever opens such a file runs it. They are known by name and by bytes, also inside of ZIP files.',
    again: 'No. It is refused under every setting.',
    people: 'Send a document without macros (`.docx`, not `.docm`), or a screenshot of the page instead of the page.',
    developer: 'Tell people before they send: by the ending the widget does.',
    operator: 'No setting allows them. For programs use another way than a chat.',
  },
  'range-not-satisfiable': {
    what: 'A part of the file was asked for that it does not have.',
    why: 'The `Range` of the request begins after the end of the file.',
    again: 'No, not with this range.',
    people: 'Open the file again from its beginning.',
    developer: '`Content-Range: bytes */N` says how long the file is.',
    operator: 'Nothing.',
  },
  'wrong-host': {
    what: 'The server does not answer for this host name.',
    why: 'In development mode it answers `localhost` and loopback addresses only, so that no foreign page reaches it by a name of its own.',
    again: 'No, not under this name.',
    people: 'Open `http://127.0.0.1:8001/` on the machine where the server runs.',
    developer: 'Use the loopback address, or start the server with a key: `JWT_SECRET`.',
    operator:
      'A server that others reach needs a key (`JWT_SECRET` or another) and `PUBLIC_URL`. The proxy has to keep the `Host` header.',
  },
  'archive-refused': {
    what: 'The archive could harm whoever unpacks it.',
    why: 'It would become far larger than it is, has too many entries, leads out of its folder, holds links, or says different things in two places. `detail` says which.',
    again: 'No.',
    people: 'Send the files in it one by one, or pack them anew with the system’s own program.',
    developer: 'The bounds are in the API page, “Errors”.',
    operator: 'Nothing. The file was not unpacked, and nothing of it is kept.',
  },
  encrypted: {
    what: 'Files that need a password are not taken here.',
    why: '`CHAT_REFUSE_ENCRYPTED`, or `refuse_encrypted` of the company’s policy, is on: nobody can look into such a file.',
    again: 'No.',
    people: 'Take the password off and send the file again.',
    developer: 'Nothing: it can only be seen once the file is here.',
    operator:
      'Switch `CHAT_REFUSE_ENCRYPTED` off if your people need them. Then the scanner cannot look into them either.',
  },
  'checksum-mismatch': {
    what: 'The bytes that arrived are not the bytes that were announced.',
    why: 'The file changed while it was sent, a device between the two damaged it, or `sha256` was taken of another file.',
    again: 'Yes, with the file read anew.',
    people: 'Choose the file again. If it is open in a program, save and close it first.',
    developer: 'Take `sha256` of the bytes that you send, and right before you send them.',
    operator: 'If it happens often, look at memory, disk and proxies: something changes bytes.',
  },
  infected: {
    what: 'The virus scanner found something in the file.',
    why: 'The scanner, clamd, names a signature. The file was not shared, and its bytes are gone.',
    again: 'No. The same bytes are refused at once.',
    people: 'Do not open the file. Have your device checked, and send another one.',
    developer: 'Show it as final. The signature is not told to clients.',
    operator:
      '`chatdrop infections` lists signature, hash and who brought it. A false alarm: `chatdrop infections --forget SHA256`.',
  },
  unscannable: {
    what: 'The virus scanner cannot look into the file, so it is not shared.',
    why: 'It is encrypted, larger than the scanner takes, or has more in it than the scanner’s limits allow.',
    again: 'No.',
    people: 'Send it without a password, or unpacked.',
    developer: 'Show it as final; it stands in `GET /api/chat/uploads/` until it expires.',
    operator:
      'In `clamd.conf` `StreamMaxLength`, `MaxFileSize` and `MaxScanSize` must not be below `CHAT_MAX_FILE_SIZE`; `chatdrop doctor` compares the first.',
    runbook: 'scanner-away',
  },
  'try-again': {
    what: 'The upload is there, and the server is still busy with it.',
    why: 'Its last checks take their time, another request is writing to it, or what it needs is away for the moment. Nothing is lost.',
    again: 'Yes, after `Retry-After` seconds.',
    people: 'Wait a moment. The page asks by itself.',
    developer: 'Ask HEAD again later, and do not start over: all bytes are here.',
    operator:
      'If uploads stay like this, `chatdrop jobs` says what they wait for and `chatdrop doctor` what is away. A proxy should answer HEAD with 423 while no node is there.',
    runbook: 'queue-grows',
  },
  'rate-limited': {
    what: 'There were too many of these in a short time.',
    why: 'Uploads a minute, unfinished uploads, archives that are made at once, or wrong admin tokens: each has a limit. `detail` says which was met.',
    again: 'Yes, after `Retry-After` seconds.',
    people: 'Wait a minute. Uploads that were begun go on.',
    developer: 'Wait for `Retry-After`; the `RateLimit` headers say what is left before it comes to this.',
    operator:
      '`CHAT_UPLOAD_RATE_LIMIT`, `CHAT_MAX_PENDING_UPLOADS`, or the company’s policy. If all visitors meet it together, `TRUST_PROXY` is not set: they count as one address then.',
  },
  'too-many-sockets': {
    what: 'There are too many live connections of one visitor or agent.',
    why: 'A visitor may have 20 at a time on one node, an agent 200.',
    again: 'Yes, when some have closed.',
    people: 'Close tabs of this chat that you do not need.',
    developer: 'Keep one socket for a page, and close it when the page goes.',
    operator: 'If a single visitor has so many, look for a page that connects in a loop.',
  },
  'headers-too-large': {
    what: 'The headers of the request are too large.',
    why: 'Cookies of other programs on the same domain, or a very long token.',
    again: 'No, not with these headers.',
    people: 'Delete this site’s cookies and try again.',
    developer: 'Keep tokens small: ids, no profiles.',
    operator: 'Give the server a host name of its own, where no cookies of others come along.',
  },
  'tus-checksum': {
    what: 'A piece of the upload arrived damaged and was discarded.',
    why: 'Its `Upload-Checksum` does not fit its bytes. Nothing of it counts, so the file is unharmed.',
    again: 'Yes: send the same piece again.',
    people: 'Nothing: the page sends it again.',
    developer: 'Ask HEAD and send the piece from that offset. If it never works, the checksum is taken of other bytes.',
    operator: 'If it happens often, something between client and server changes bytes.',
  },
  'server-error': {
    what: 'The server failed in a way that nobody thought of.',
    why: 'It is a fault of Chatdrop or of the machine, not of the request. Nothing of the inside is told to clients.',
    again: 'Yes, a little later. Bytes that were acknowledged are kept.',
    people: 'Try again in a moment. If it stays, tell whoever runs the page.',
    developer: 'Treat it like a network that breaks off: ask HEAD and go on.',
    operator: 'The log has the whole fault (`level` 50, `err`). Run `chatdrop doctor`, and report it with that line.',
    runbook: 'uploads-fail',
  },
  'shutting-down': {
    what: 'The server is restarting.',
    why: 'It was told to stop, ends what is under way, and takes nothing new.',
    again: 'Yes, after `Retry-After` seconds. What came is kept.',
    people: 'Wait a moment. The upload goes on by itself.',
    developer: 'Connect again or ask HEAD; behind a proxy another node answers at once.',
    operator: 'If nobody restarted it: systemd, Docker or Kubernetes did, and their log says why.',
  },
  'storage-unavailable': {
    what: 'What keeps the files, or the database, does not answer right now.',
    why: 'The S3 store or PostgreSQL is away or slow, or the disk reports faults.',
    again: 'Yes, after `Retry-After` seconds. Nothing that was acknowledged is lost.',
    people: 'Wait a moment. The upload goes on by itself.',
    developer: 'Wait for `Retry-After`, then ask HEAD and go on.',
    operator: '`/readyz` and `chatdrop doctor` say which of the two it is; the log has its answer.',
    runbook: 'server-away',
  },
  'scanner-unavailable': {
    what: 'The file is here, but cannot be checked for viruses right now.',
    why: 'The scanner, clamd, is away, still loading its signatures, or busy; nothing is shared unscanned.',
    again:
      'Yes. A resumable upload is shared by itself when the scanner is back; one in a single request has to be sent again.',
    people: 'Nothing: the file is shared as soon as it was checked.',
    developer: 'HEAD answers 423 meanwhile. Ask again after `Retry-After`, and do not start over.',
    operator:
      'Start clamd, then see `/readyz`: `degraded` names the scanner while it is away. `chatdrop jobs` lists what waits.',
    runbook: 'scanner-away',
  },
  'keys-unavailable': {
    what: 'The server cannot check tokens right now.',
    why: 'The address of the public keys (`JWT_JWKS_URL`, or `jwks_url` of a company) does not answer, and there is no set from before.',
    again: 'Yes, after `Retry-After` seconds.',
    people: 'Wait a moment and try again.',
    developer: 'Wait for `Retry-After`. The token may be good; keep it.',
    operator:
      'Fetch the address from the server’s machine. It has to answer within 5 seconds, without a redirect, with at most 100 keys.',
    runbook: 'uploads-fail',
  },
  'quota-exceeded': {
    what: 'There is no room left for this company or chat.',
    why: 'Its files and what is on its way reach `CHAT_COMPANY_QUOTA`, the bytes of a day, or the number of files in a chat. `detail` says which.',
    again: 'Yes, once files were removed, the limit was raised or, for the bytes of a day, tomorrow (UTC).',
    people: 'Send a smaller file, or tell the other side that there is no more room.',
    developer: 'Show it as final for now; do not repeat it in a loop.',
    operator:
      '`chatdrop company show acme` says what holds and how much is used. Raise `quota`, or let old files go with `RETENTION`.',
  },
  'storage-full': {
    what: 'The server has no room for the file right now.',
    why: 'The disk, its quota, or the bucket is full.',
    again: 'Yes, after `Retry-After` seconds, once there is room. Bytes that were acknowledged are kept.',
    people: 'Try again later. An upload that had begun goes on from where it was.',
    developer: 'Wait for `Retry-After`, then ask HEAD and go on.',
    operator:
      'Make room: enlarge the volume, or delete what is not Chatdrop’s and what is too old (`chatdrop retention`). Nothing has to be restarted; uploads go on by themselves.',
    runbook: 'disk-full',
  },
};
