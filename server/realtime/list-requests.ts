/** `request_file_list`, whatever the transport. */
import type { RequestFileList, ServerEvent } from '../contract/events.ts';
import { checkCompany, chooseSession } from '../rules/participant.ts';
import type { Connection } from './socket-connection.ts';

/** Sends the list and returns it. @throws {Failure} `invalid-request`, `forbidden` */
export type AnswerListRequest = (message: RequestFileList | null | undefined) => Promise<ServerEvent>;

/** `session`: whose list is meant when the message names none; null: the token's. */
export function createAnswerListRequest(connection: Connection, session: string | null): AnswerListRequest {
  const { caller } = connection;
  return async (message) => {
    checkCompany(caller, message?.company_id);
    const stated = message?.session_id ?? session;
    const chosen = chooseSession(caller, stated === null ? {} : { session: stated });
    return connection.sendList(chosen, message?.cursor);
  };
}
