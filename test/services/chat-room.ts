/** A chat of its own for each test: a company and session that no other test uses, and the people in it. */
import { agentToken, visitorToken } from './tokens.ts';

export type ChatRoom = { company: string; session: string; visitor: string; agent: string };

let roomsMade = 0;

/** `visitor` is bound to the session, `agent` reaches every session of the company. */
export function newChatRoom(company = `company-${process.pid}-${roomsMade}`): ChatRoom {
  roomsMade += 1;
  const session = `session-${process.pid}-${roomsMade}`;
  return { company, session, visitor: visitorToken(company, session), agent: agentToken(company) };
}
