/** What each route takes and answers; a test holds this table and the routes together. A new route gets a row here. */
import * as z from 'zod';
import { companyPolicySchema } from '../rules/company-policy.ts';
import { auditQuery } from './audit-admin-routes.ts';
import { sessionsQuery } from './chat-session-routes.ts';
import { deletionsQuery } from './deletion-admin-routes.ts';
import { contentQuery, listQuery } from './file-routes.ts';
import { infectionsQuery } from './infection-admin-routes.ts';
import { jobsQuery } from './job-admin-routes.ts';
import type { Operation } from './openapi-operation.ts';
import { TUS_OPERATIONS } from './openapi-tus.ts';
import { embedQuery, tokensBody } from './page-routes.ts';
import { companiesQuery, newKeyBody } from './policy-admin-routes.ts';
import { analyticsQuery } from './statistics-admin-routes.ts';
import { uploadsQuery } from './upload-routes.ts';
import {
  deliveriesQuery,
  newSecretBody,
  newWebhookBody,
  resendBody,
  webhookChangeBody,
} from './webhook-admin-routes.ts';

const BYTES = { what: 'the bytes', body: 'bytes', headers: ['ETag', 'Accept-Ranges', 'Content-Disposition'] } as const;
const PART = { ...BYTES, what: 'the bytes asked for', headers: [...BYTES.headers, 'Content-Range'] } as const;
const RATE_LIMIT = ['RateLimit', 'RateLimit-Policy'];
/** The fields around the file, all optional; their reader is `multipart-fields.ts`. */
const multipartFields = z.object({
  file: z.string().describe('the bytes'),
  company_id: z.string().optional(),
  session_id: z.string().optional(),
  uploader: z.enum(['user', 'agent']).optional(),
  original_name: z.string().optional(),
  mime_type: z.string().optional(),
  size: z.string().optional().describe('bytes'),
});
const ARCHIVE = { what: 'the zip', body: 'bytes', headers: ['Content-Disposition'] } as const;
const RECEIPT = { what: 'the receipt, so far', json: 'Deletion', headers: ['Location'] } as const;
const UNCHANGED = { what: 'unchanged since the ETag' } as const;

/** By verb and path, in the order of the README. */
export const OPERATIONS: Record<string, Operation> = {
  'POST /api/auth/session/': {
    tag: 'session',
    summary: 'put the bearer token of this request into the chatdrop cookie, until it expires',
    who: 'bearer',
    answers: { 204: { what: 'the cookie is set', headers: ['Set-Cookie'] } },
  },
  'DELETE /api/auth/session/': {
    tag: 'session',
    summary: 'clear the cookie; the token itself stays good until it expires',
    who: 'none',
    answers: { 204: { what: 'the cookie is cleared', headers: ['Set-Cookie'] } },
  },
  ...TUS_OPERATIONS,
  'POST /api/chat/upload/': {
    tag: 'files',
    summary: 'a whole file in one request, as in the original API',
    who: 'caller',
    body: { type: 'multipart/form-data', schema: multipartFields },
    answers: { 201: { what: 'the file', json: 'ChatFile', headers: RATE_LIMIT } },
  },
  'GET /api/chat/files/': {
    tag: 'files',
    summary: 'the files of a session; of the whole company for an agent bound to none who names none',
    who: 'caller',
    query: listQuery,
    answers: { 200: { what: 'a page of files', json: 'FileList' } },
  },
  'GET /api/chat/files/{id}/': {
    tag: 'files',
    summary: 'one file, with a fresh url',
    who: 'caller',
    answers: { 200: { what: 'the file', json: 'ChatFile' } },
  },
  'GET /api/chat/files/{id}/content': {
    tag: 'files',
    summary: 'the bytes of a file',
    who: 'caller',
    query: contentQuery,
    headers: ['Range', 'If-None-Match'],
    answers: { 200: BYTES, 206: PART, 304: UNCHANGED },
  },
  'DELETE /api/chat/files/{id}/': {
    tag: 'files',
    summary: 'remove a file: an agent any, a visitor their own',
    who: 'caller',
    answers: { 204: { what: 'row, bytes and links are gone' } },
  },
  'DELETE /api/chat/files/{id}/links/': {
    tag: 'links',
    summary: 'take back every link to a file: an agent to any, a visitor to their own',
    who: 'caller',
    answers: { 204: { what: 'links made before are 403; file_updated brings new ones' } },
  },
  'GET /api/chat/uploads/': {
    tag: 'files',
    summary: 'what is unfinished in a session',
    who: 'caller',
    query: uploadsQuery,
    answers: { 200: { what: 'the unfinished uploads', json: 'UnfinishedUploads' } },
  },
  'GET /api/chat/config/': {
    tag: 'files',
    summary: 'who the caller is, and the limits that hold',
    who: 'caller',
    answers: { 200: { what: 'the limits and the caller', json: 'ChatConfig' } },
  },
  'GET /api/chat/sessions/': {
    tag: 'files',
    summary: 'an agent’s chats, newest activity first',
    who: 'caller',
    query: sessionsQuery,
    answers: { 200: { what: 'a page of chats', json: 'SessionList' } },
  },
  'DELETE /api/chat/sessions/{session}/': {
    tag: 'files',
    summary: 'an agent removes a session with everything in it',
    who: 'caller',
    answers: { 204: { what: 'its files and unfinished uploads are gone' } },
  },
  'DELETE /api/chat/sessions/{session}/links/': {
    tag: 'links',
    summary: 'an agent takes back every link to the files of a session',
    who: 'caller',
    answers: { 204: { what: 'links made before are 403; file_updated brings new ones' } },
  },
  'GET /api/chat/sessions/{session}/archive/': {
    tag: 'files',
    summary: 'all files of a session as one zip, for its agent',
    who: 'caller',
    answers: { 200: ARCHIVE },
  },
  'POST /api/chat/sessions/{session}/archive/': {
    tag: 'files',
    summary: 'a link to that zip, good for a minute, for a browser to follow',
    who: 'caller',
    answers: { 201: { what: 'the link', json: 'ArchiveLink' } },
  },
  'GET /media/archive/{company}/{session}': {
    tag: 'links',
    summary: 'all files of a session as one zip, by such a link',
    who: 'none',
    answers: { 200: ARCHIVE },
  },
  'GET /media/{key}': {
    tag: 'links',
    summary: 'a stored file by signed link, as in the url of a file',
    who: 'none',
    headers: ['Range', 'If-None-Match'],
    answers: { 200: BYTES, 206: PART, 304: UNCHANGED },
  },
  'GET /api/admin/health/': {
    tag: 'admin',
    summary: 'how each part of the server is, its version and uptime, and the room on its disks',
    who: 'admin',
    answers: { 200: { what: 'the node that answers', json: 'Health' } },
  },
  'GET /api/admin/overview/': {
    tag: 'admin',
    summary: 'uploads on their way, failures of the last seven days, what is stored, and in what a virus was found',
    who: 'admin',
    answers: { 200: { what: 'the overview', json: 'Overview' } },
  },
  'GET /api/admin/analytics/': {
    tag: 'admin',
    summary: 'what was counted by day, of all companies or of one; the last 30 days if not said otherwise',
    who: 'admin',
    query: analyticsQuery,
    answers: { 200: { what: 'sums, days and companies', json: 'Analytics' } },
  },
  'GET /api/admin/analytics.csv': {
    tag: 'admin',
    summary: 'the same as CSV, a line for each day of each company',
    who: 'admin',
    query: analyticsQuery,
    answers: { 200: { what: 'the lines', body: 'text', headers: ['Content-Disposition'] } },
  },
  'GET /api/admin/jobs/': {
    tag: 'admin',
    summary: 'what is owed, those tried most often first, and which chores failed',
    who: 'admin',
    query: jobsQuery,
    answers: { 200: { what: 'the jobs', json: 'JobReport' } },
  },
  'GET /api/admin/audit/': {
    tag: 'admin',
    summary:
      'who did what to which file, when and from where; the newest first, or all as JSON lines, the oldest first',
    who: 'admin',
    query: auditQuery,
    answers: { 200: { what: 'a page of the audit', json: 'AuditPage' } },
  },
  'GET /api/admin/infections/': {
    tag: 'admin',
    summary: 'in what a virus was found, and who brought it; the newest first',
    who: 'admin',
    query: infectionsQuery,
    answers: { 200: { what: 'a page of the finds', json: 'InfectionPage' } },
  },
  'DELETE /api/admin/companies/{company}/': {
    tag: 'admin',
    summary: 'delete a company with everything in it',
    who: 'admin',
    answers: { 202: RECEIPT },
  },
  'DELETE /api/admin/companies/{company}/sessions/{session}/': {
    tag: 'admin',
    summary: 'delete a session with everything in it',
    who: 'admin',
    answers: { 202: RECEIPT },
  },
  'DELETE /api/admin/companies/{company}/sessions/{session}/visitor/': {
    tag: 'admin',
    summary: 'delete what the visitor of a session sent',
    who: 'admin',
    answers: { 202: RECEIPT },
  },
  'GET /api/admin/companies/{company}/sessions/{session}/export/': {
    tag: 'admin',
    summary: 'all that a session has as one zip, with a manifest of its rows',
    who: 'admin',
    answers: { 200: ARCHIVE },
  },
  'GET /api/admin/companies/{company}/sessions/{session}/visitor/export/': {
    tag: 'admin',
    summary: 'the same of what its visitor sent',
    who: 'admin',
    answers: { 200: ARCHIVE },
  },
  'GET /api/admin/deletions/': {
    tag: 'admin',
    summary: 'receipts of deletions, newest first; `before` an id, for the next page',
    who: 'admin',
    query: deletionsQuery,
    answers: { 200: { what: 'the receipts', json: 'Deletions' } },
  },
  'GET /api/admin/deletions/{id}/': {
    tag: 'admin',
    summary: 'one receipt; complete once nothing is left',
    who: 'admin',
    answers: { 200: { what: 'the receipt', json: 'Deletion' } },
  },
  'GET /api/admin/companies/': {
    tag: 'admin',
    summary: 'companies that hold or held files, or have something of their own, by name',
    who: 'admin',
    query: companiesQuery,
    answers: { 200: { what: 'a page of companies', json: 'CompanyList' } },
  },
  'GET /api/admin/companies/{company}/policy/': {
    tag: 'admin',
    summary: 'what a company has of its own, and what holds for it',
    who: 'admin',
    answers: { 200: { what: 'the policy', json: 'ShownPolicy', headers: ['ETag'] } },
  },
  'PUT /api/admin/companies/{company}/policy/': {
    tag: 'admin',
    summary: 'the whole policy of a company; what it leaves out is as in the settings',
    who: 'admin',
    headers: ['If-Match'],
    body: { type: 'application/json', schema: companyPolicySchema },
    answers: { 200: { what: 'the policy as it is now', json: 'ShownPolicy', headers: ['ETag'] } },
  },
  'DELETE /api/admin/companies/{company}/policy/': {
    tag: 'admin',
    summary: 'everything but the keys is as in the settings again',
    who: 'admin',
    headers: ['If-Match'],
    answers: { 204: { what: 'the company has no policy of its own' } },
  },
  'GET /api/admin/companies/{company}/keys/': {
    tag: 'admin',
    summary: 'the keys that sign for this company only, without their secrets',
    who: 'admin',
    answers: { 200: { what: 'the keys', json: 'CompanyKeys' } },
  },
  'POST /api/admin/companies/{company}/keys/': {
    tag: 'admin',
    summary: 'add a key',
    who: 'admin',
    body: { type: 'application/json', schema: newKeyBody },
    answers: { 201: { what: 'the key, without its secret', json: 'CompanyKey' } },
  },
  'DELETE /api/admin/companies/{company}/keys/{key}/': {
    tag: 'admin',
    summary: 'remove a key; sockets that it let in end',
    who: 'admin',
    answers: { 204: { what: 'it signs for nobody' } },
  },
  'GET /api/admin/companies/{company}/webhooks/': {
    tag: 'admin',
    summary: 'where a company is told of its files, without the secrets',
    who: 'admin',
    answers: { 200: { what: 'the webhooks', json: 'Webhooks' } },
  },
  'POST /api/admin/companies/{company}/webhooks/': {
    tag: 'admin',
    summary: 'add a webhook',
    who: 'admin',
    body: { type: 'application/json', schema: newWebhookBody },
    answers: { 201: { what: 'the webhook, with its secret: it is never answered again', json: 'NewWebhook' } },
  },
  'GET /api/admin/companies/{company}/webhooks/{webhook}/': {
    tag: 'admin',
    summary: 'one webhook',
    who: 'admin',
    answers: { 200: { what: 'the webhook', json: 'Webhook' } },
  },
  'PATCH /api/admin/companies/{company}/webhooks/{webhook}/': {
    tag: 'admin',
    summary: 'change a webhook, disable or enable it',
    who: 'admin',
    body: { type: 'application/json', schema: webhookChangeBody },
    answers: { 200: { what: 'the webhook as it is now', json: 'Webhook' } },
  },
  'DELETE /api/admin/companies/{company}/webhooks/{webhook}/': {
    tag: 'admin',
    summary: 'remove a webhook, with what is owed to it',
    who: 'admin',
    answers: { 204: { what: 'nothing more is sent there' } },
  },
  'POST /api/admin/companies/{company}/webhooks/{webhook}/secret/': {
    tag: 'admin',
    summary: 'a new secret; the one before signs too, for a while',
    who: 'admin',
    body: { type: 'application/json', schema: newSecretBody },
    answers: { 200: { what: 'the secret: it is never answered again', json: 'WebhookSecret' } },
  },
  'POST /api/admin/companies/{company}/webhooks/{webhook}/test/': {
    tag: 'admin',
    summary: 'send webhook.test there',
    who: 'admin',
    answers: { 202: { what: 'it is owed', json: 'WebhookDelivery' } },
  },
  'POST /api/admin/companies/{company}/webhooks/{webhook}/resend/': {
    tag: 'admin',
    summary: 'send again what failed since a time, 10,000 at most',
    who: 'admin',
    body: { type: 'application/json', schema: resendBody },
    answers: { 202: { what: 'how many are owed again', json: 'WebhookResent' } },
  },
  'GET /api/admin/companies/{company}/webhooks/{webhook}/deliveries/': {
    tag: 'admin',
    summary: 'what was sent there in the last 30 days, or is to be; newest first',
    who: 'admin',
    query: deliveriesQuery,
    answers: { 200: { what: 'a page of deliveries', json: 'WebhookDeliveries' } },
  },
  'POST /api/admin/companies/{company}/webhooks/{webhook}/deliveries/{delivery}/resend/': {
    tag: 'admin',
    summary: 'send one again, whatever became of it; its webhook-id stays',
    who: 'admin',
    answers: { 202: { what: 'it is owed', json: 'WebhookDelivery' } },
  },
  'GET /healthz': {
    tag: 'server',
    summary: 'the process answers',
    who: 'none',
    answers: { 200: { what: 'alive', json: 'Alive' } },
  },
  'GET /readyz': {
    tag: 'server',
    summary: 'the server can take uploads',
    who: 'none',
    answers: { 200: { what: 'ready', json: 'Ready' }, 503: { what: 'not ready, and why', json: 'Ready' } },
  },
  'GET /metrics': {
    tag: 'server',
    summary: 'what the server counts of itself, for Prometheus; with `METRICS_TOKEN`, else it is not there',
    who: 'none',
    answers: { 200: { what: "Prometheus' text format", body: 'text' } },
  },
  'GET /openapi.json': {
    tag: 'server',
    summary: 'this document',
    who: 'none',
    answers: { 200: { what: 'OpenAPI 3.1', body: 'text' }, 304: UNCHANGED },
  },
  'GET /problems/': {
    tag: 'pages',
    summary: 'every error code',
    who: 'none',
    answers: { 200: { what: 'the page', body: 'text' } },
  },
  'GET /problems/{code}': {
    tag: 'pages',
    summary: 'what an error code means and what to do about it; `type` of a problem leads here',
    who: 'none',
    answers: { 200: { what: 'the page', body: 'text' } },
  },
  'GET /asyncapi.json': {
    tag: 'server',
    summary: 'the events over both kinds of sockets',
    who: 'none',
    answers: { 200: { what: 'AsyncAPI 3.0', body: 'text' }, 304: UNCHANGED },
  },
  'GET /': {
    tag: 'pages',
    summary: 'leads to the demo; in development mode only',
    who: 'none',
    answers: { 302: { what: 'to the demo', body: 'text', headers: ['Location'] } },
  },
  'GET /widget/{name}': {
    tag: 'pages',
    summary: 'a file of the pages',
    who: 'none',
    answers: { 200: { what: 'the file', body: 'text' }, 304: UNCHANGED },
  },
  'GET /widget.js': {
    tag: 'pages',
    summary: 'the script tag: `new ChatbotFileUpload({…})`',
    who: 'none',
    answers: { 200: { what: 'the script', body: 'text' }, 304: UNCHANGED },
  },
  'GET /embed/': {
    tag: 'pages',
    summary: "the iframe's page, for the pages in ALLOWED_ORIGINS",
    who: 'none',
    query: embedQuery,
    answers: { 200: { what: 'the page', body: 'text' } },
  },
  'GET /demo/': {
    tag: 'pages',
    summary: 'both sides of a chat; in development mode only',
    who: 'none',
    answers: {
      200: { what: 'the page', body: 'text' },
      302: { what: 'to the right host', body: 'text', headers: ['Location'] },
    },
  },
  'GET /dashboard/': {
    tag: 'pages',
    summary: 'an agent’s chats and files; the page asks for a token itself',
    who: 'none',
    answers: { 200: { what: 'the page', body: 'text' } },
  },
  'GET /admin/': {
    tag: 'pages',
    summary: 'the operator’s page; it asks for ADMIN_TOKEN itself',
    who: 'none',
    answers: { 200: { what: 'the page', body: 'text' } },
  },
  'POST /api/csp-reports/': {
    tag: 'pages',
    summary: 'what browsers report of a page’s Content-Security-Policy',
    who: 'none',
    answers: { 204: { what: 'it is in the log' } },
  },
  'POST /demo/tokens': {
    tag: 'pages',
    summary: 'tokens for the demo; in development mode only',
    who: 'none',
    body: { type: 'application/json', schema: tokensBody },
    answers: { 200: { what: 'a token for each side', json: 'DemoTokens' } },
  },
};
