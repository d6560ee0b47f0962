/** `chatdrop/client`: what a backend does with Chatdrop. */
export type * from '../contract/admin.ts';
export type {
  ChatConfig,
  ChatFile,
  ChatSession,
  FileList,
  SessionList,
  UnfinishedUpload,
} from '../contract/chat-file.ts';
export type * from '../contract/events.ts';
export type * from '../contract/operator.ts';
export type { Problem, ProblemCode } from '../contract/problem.ts';
export type * from '../contract/webhook.ts';
export { ChatdropError, type ErrorCode } from './chatdrop-error.ts';
export { type Chatdrop, type ChatdropOptions, createChatdrop, type FileQuery } from './create-chatdrop.ts';
export {
  type AdminOptions,
  type AuditQuery,
  type ChatdropAdmin,
  createChatdropAdmin,
} from './create-chatdrop-admin.ts';
export type { FollowOptions } from './follow-events.ts';
export {
  type AgentClaims,
  type SigningKey,
  signAgentToken,
  signVisitorToken,
  type VisitorClaims,
} from './sign-tokens.ts';
export type { TokenOption } from './token-source.ts';
export type { UploadOptions } from './upload-file.ts';
export type { UploadSource } from './upload-source.ts';
export { type VerifyOptions, verifyWebhook, type WebhookHeaders, WebhookVerificationError } from './verify-webhook.ts';
