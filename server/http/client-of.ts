/** Whose request it is, for the audit: the address that also counts for the limits, and the program's name. */
import type { IncomingMessage } from 'node:http';
import { type Client, clientAt } from '../rules/actor.ts';
import type { ClientAddress } from './client-address.ts';

export type ClientOf = (request: IncomingMessage) => Client;

export function createClientOf(clientAddress: ClientAddress): ClientOf {
  return (request) => clientAt(clientAddress(request), request.headers['user-agent']);
}
