/** Puts the AsyncAPI 3.0 document together: both transports, from the schemas that check messages and describe events. */
import { chatFile, problem } from '../rules/chat-schemas.ts';
import { documentSchemas } from '../rules/document-schemas.ts';
import { EVENT_EXAMPLES } from './event-examples.ts';
import { ACKNOWLEDGEMENTS, EVENT_SCHEMAS, type EventName } from './event-schemas.ts';
import {
  followSchema,
  handshakeSchema,
  joinSchema,
  leaveSchema,
  listSchema,
  plainFrame,
  plainQuery,
  scopeId,
} from './message-schemas.ts';
import { CLOSE_CODES } from './plain-connection.ts';
import { SUBPROTOCOL } from './plain-handshake.ts';
import { MAX_MESSAGE_BYTES } from './wire.ts';

type Json = Record<string, unknown>;
export type AsyncApiDocument = Json & {
  channels: Record<string, Json>;
  operations: Record<string, Json>;
  components: Json;
};

type Needs = {
  version: string;
  /** Where the server is reached, `https://files.example.com`. */
  publicUrl: string;
  /** Whether an address may hold a token. */
  tokenInQuery: boolean;
};

const EVENTS: Record<EventName, string> = {
  connection_established: 'first of all, and after each join: where the ledger is now',
  file_shared: 'a file that can be fetched; once, to everybody in the session',
  file_updated: 'a file has a thumbnail, other details or new links',
  file_removed: 'a file is gone, and why',
  file_list: 'the first page of the files, asked for or after a resync',
  upload_progress: 'somebody else’s upload; passing, at most one a second',
  error: 'what was asked for is refused, the token is over, or (resync) what was missed is no longer kept',
};
const MESSAGES: Record<string, { summary: string; payload: Json; example: Json; name?: string }> = {
  handshake: {
    summary: 'the auth of the Socket.IO handshake; refused by connect_error, whose data is a Problem',
    payload: ref('Handshake'),
    example: { token: 'eyJ…', session_id: 'session_456', after: 6 },
  },
  requestFileList: {
    name: 'request_file_list',
    summary: 'the files of a session, as file_list and as the acknowledgement',
    payload: ref('RequestFileList'),
    example: { session_id: 'session_456' },
  },
  join: {
    summary: 'follow one more session: for agents whose token is bound to none',
    payload: ref('Join'),
    example: { session_id: 'session_456', after: 6 },
  },
  leave: {
    summary: 'follow a session no more',
    payload: ref('Leave'),
    example: { session_id: 'session_456' },
  },
  follow: {
    summary: 'follow the whole company instead of single sessions: for agents whose token is bound to none',
    payload: ref('Follow'),
    example: { after: 6 },
  },
  requestFileListFrame: {
    name: 'request_file_list',
    summary: 'the files of a session, answered by file_list',
    payload: ref('RequestFileListFrame'),
    example: { type: 'request_file_list' },
  },
  listAnswer: {
    summary: 'acknowledges request_file_list',
    payload: ref('ListAnswer'),
    example: { error: { type: 'error', code: 'invalid-request', detail: 'The message is not valid.' } },
  },
  joinAnswer: {
    summary: 'acknowledges join and follow',
    payload: ref('JoinAnswer'),
    example: EVENT_EXAMPLES.connection_established,
  },
  leaveAnswer: { summary: 'acknowledges leave', payload: ref('LeaveAnswer'), example: { left: true } },
};
const OVER_SOCKET_IO: Record<string, string | null> = {
  handshake: null,
  requestFileList: 'listAnswer',
  join: 'joinAnswer',
  leave: 'leaveAnswer',
  follow: 'joinAnswer',
};

export function createAsyncApiDocument({ version, publicUrl, tokenInQuery }: Needs): AsyncApiDocument {
  const { host, protocol, pathname } = new URL(publicUrl);
  const server = {
    host,
    ...(pathname === '/' ? {} : { pathname: pathname.replace(/\/$/, '') }),
    protocol: protocol === 'https:' ? 'wss' : 'ws',
  };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Chatdrop',
      version,
      description:
        'What happens to the files of a chat, live. A client that connects with `after`, the `seq` of the last entry it knows, ' +
        'gets every later `file_shared`, `file_updated` and `file_removed` first, in order, once. The requests are in /openapi.json.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      plain: {
        ...server,
        title: 'Plain WebSocket',
        description: `Each event is one JSON text frame. A frame from a client has at most ${MAX_MESSAGE_BYTES} bytes.`,
        security: [
          ...(tokenInQuery ? [scheme('query')] : []),
          scheme('subprotocol'),
          scheme('bearer'),
          scheme('cookie'),
        ],
      },
      socketIo: {
        ...server,
        title: 'Socket.IO',
        description:
          'Socket.IO 4 at its default path and namespace. The name of an event is its `type`, its payload the same object.',
        security: [scheme('handshake'), scheme('cookie')],
      },
    },
    channels: {
      session: plainChannel('/ws/chat/{company_id}/{session_id}/', 'one session', tokenInQuery),
      company: plainChannel(
        '/ws/chat/{company_id}/',
        'the whole company, for agents bound to no session',
        tokenInQuery,
      ),
      socketIo: {
        address: '/socket.io/',
        title: 'Socket.IO',
        servers: [{ $ref: '#/servers/socketIo' }],
        messages: messagesOf([...Object.keys(EVENTS), ...Object.keys(MESSAGES).filter((name) => name !== FRAME)]),
      },
    },
    operations: operations(),
    components: {
      messages: componentMessages(),
      schemas: {
        ...documentSchemas({ ...eventSchemas(), ...ACKNOWLEDGEMENTS, ChatFile: chatFile, Problem: problem }, 'output'),
        ...documentSchemas(INCOMING, 'input'),
      },
      securitySchemes: {
        query: { type: 'httpApiKey', in: 'query', name: 'token', description: 'a JWT; addresses end up in logs' },
        subprotocol: {
          type: 'httpApiKey',
          in: 'header',
          name: 'Sec-WebSocket-Protocol',
          description: `a JWT as the second of two: \`new WebSocket(url, ['${SUBPROTOCOL}', token])\``,
        },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        cookie: {
          type: 'httpApiKey',
          in: 'cookie',
          name: 'chatdrop',
          description: 'set by POST /api/auth/session/; counts for pages of allowed origins',
        },
        handshake: { type: 'apiKey', in: 'password', description: 'a JWT as auth.token of the handshake' },
      },
    },
  };
}

const FRAME = 'requestFileListFrame';
const INCOMING = {
  Handshake: handshakeSchema,
  RequestFileList: listSchema,
  RequestFileListFrame: plainFrame,
  Join: joinSchema,
  Leave: leaveSchema,
  Follow: followSchema,
};

/** `file_shared` → `FileSharedEvent`. */
export function schemaName(event: string): string {
  return `${event.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Event`;
}

function eventSchemas() {
  return Object.fromEntries(Object.entries(EVENT_SCHEMAS).map(([name, schema]) => [schemaName(name), schema]));
}

function ref(schema: string): Json {
  return { $ref: `#/components/schemas/${schema}` };
}

function scheme(name: string): Json {
  return { $ref: `#/components/securitySchemes/${name}` };
}

function messagesOf(names: string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function plainChannel(address: string, what: string, tokenInQuery: boolean): Json {
  const { Query } = documentSchemas({ Query: tokenInQuery ? plainQuery : plainQuery.omit({ token: true }) }, 'input');
  const { Id } = documentSchemas({ Id: scopeId }, 'input');
  const names = [...address.matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name ?? '');
  return {
    address,
    title: `Plain WebSocket: ${what}`,
    description: `Close codes: ${Object.entries(CLOSE_CODES)
      .map(([why, code]) => `${code} ${why}`)
      .join(', ')}. A handshake that is refused gets an HTTP answer with a Problem.`,
    servers: [{ $ref: '#/servers/plain' }],
    parameters: Object.fromEntries(names.map((name) => [name, { description: Id?.description }])),
    messages: messagesOf([...Object.keys(EVENTS), FRAME]),
    bindings: { ws: { method: 'GET', query: Query, bindingVersion: '0.1.0' } },
  };
}

/** As the server does them: it sends events, and receives messages. */
function operations(): Record<string, Json> {
  const all: Record<string, Json> = {};
  for (const channel of ['session', 'company', 'socketIo'] as const) {
    const on = (name: string) => ({ $ref: `#/channels/${channel}/messages/${name}` });
    const base = { channel: { $ref: `#/channels/${channel}` } };
    all[`${channel}.events`] = { action: 'send', ...base, messages: Object.keys(EVENTS).map(on) };
    const incoming = channel === 'socketIo' ? Object.entries(OVER_SOCKET_IO) : [[FRAME, 'file_list'] as const];
    for (const [name, answer] of incoming)
      all[`${channel}.${name}`] = {
        action: 'receive',
        ...base,
        messages: [on(name)],
        ...(answer === null ? {} : { reply: { ...base, messages: [on(answer)] } }),
      };
  }
  return all;
}

function componentMessages(): Json {
  const events = Object.entries(EVENTS).map(([name, summary]) => {
    const { type, ...example } = EVENT_EXAMPLES[name as EventName];
    return [name, { name, summary, payload: ref(schemaName(name)), examples: [{ payload: { type, ...example } }] }];
  });
  const others = Object.entries(MESSAGES).map(([key, { name = key, summary, payload, example }]) => [
    key,
    { name, summary, payload, examples: [{ payload: example }] },
  ]);
  return Object.fromEntries([...events, ...others]);
}
