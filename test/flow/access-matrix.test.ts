/**
 * Everybody against everything: visitors, agents, the operator and nobody of four companies and their sixteen chats, on every
 * route and every event. What may be is said here once more, apart from the server's own rules; a route or an event that has
 * no row fails the test.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { OPERATIONS } from '../../server/http/openapi-operations.ts';
import {
  beginIn,
  type Call,
  createCall,
  createUpload,
  FILE,
  furnish,
  goOn,
  peopleOf,
  type Room,
  type Side,
  shareIn,
  type Who,
} from '../services/access-world.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { bare, routesOfServer } from '../services/server-routes.ts';
import { recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const server = chatdropForSuite({ env: { ADMIN_TOKEN, TRUST_PROXY: '1' } });
const { companies, sessions, people, own } = peopleOf(ADMIN_TOKEN);
const callers = people.filter(({ role }) => role === 'user' || role === 'agent');
const TUS = { headers: { 'tus-resumable': '1.0.0' } };
const SIDES = ['user', 'agent'] as const;
let call: Call;
let rooms: Room[] = [];

beforeAll(async () => {
  call = createCall(server().baseUrl);
  const body = JSON.stringify({ key: own.secret });
  expect((await call('POST', `/api/admin/companies/${own.company}/keys/`, ADMIN_TOKEN, { body })).status).toBe(201);
  const places = companies.flatMap((company) => sessions.map((session) => ({ company, session })));
  rooms = await Promise.all(places.map(({ company, session }) => furnish(call, people, company, session)));
});

const hasToken = (who: Who) => who.role === 'user' || who.role === 'agent';
const sees = (who: Who, room: Room) =>
  who.company === room.company && (who.session === null || who.session === room.session);
/** The agent's uploads are the one agent's for the whole company. */
const isUploader = (who: Who, room: Room, side: keyof Side<unknown>) =>
  sees(who, room) && who.role === side && (side === 'user' || who.session === null);
/** Named by an id: what is not visible is not there. Stated: it is forbidden. */
const named = (who: Who, isTheirs: boolean, status: number) => (!hasToken(who) ? 401 : isTheirs ? status : 404);
const stated = (who: Who, isTheirs: boolean, status: number) => (!hasToken(who) ? 401 : isTheirs ? status : 403);

/** Without a token one chat is as good as any. */
const roomsOf = (who: Who) => (hasToken(who) ? rooms : rooms.slice(0, 1));
/** One that is theirs, the next one of their company, and the one of the same name in each other company. */
const someRoomsOf = (who: Who) => {
  const first = sessions.indexOf(who.session ?? 'session-1');
  const next = sessions[(first + 1) % sessions.length];
  return roomsOf(who).filter(
    ({ company, session }) => session === sessions[first] || (company === who.company && session === next),
  );
};
/** The row that is asked for everybody in every chat; the others for everybody in `someRoomsOf` theirs. */
const THROUGHOUT = 'GET /api/chat/files/{id}';

type Cell = { what: string; expected: number | 'as for nobody'; ask(): Promise<{ status: number }> };
/** Null where the route cannot name that chat. */
type InRoom = (who: Who, room: Room, side: keyof Side<unknown>) => Cell | null;

const placeOf = ({ company, session }: { company: string; session: string }) => `${company}/${session}`;
const statement = ({ company, session }: Room) => `company_id=${company}&session_id=${session}`;

/** For each chat. What would change something asks for what is there where that is refused, else for a thing of its own. */
const IN_ROOMS: Record<string, InRoom> = {
  'GET /api/chat/files': (who, room) => ({
    what: 'lists the files',
    expected: stated(who, sees(who, room), 200),
    ask: () => onlyOf(room, call('GET', `/api/chat/files/?${statement(room)}`, who.token), 'files'),
  }),
  'GET /api/chat/files/{id}': (who, room, side) => ({
    what: `sees the file of the ${side}`,
    expected: named(who, sees(who, room), 200),
    ask: () => call('GET', `/api/chat/files/${room.files[side]}/`, who.token),
  }),
  'GET /api/chat/files/{id}/content': (who, room, side) => ({
    what: `reads the file of the ${side}`,
    expected: named(who, sees(who, room), 200),
    ask: () => call('GET', `/api/chat/files/${room.files[side]}/content`, who.token),
  }),
  'DELETE /api/chat/files/{id}': (who, room, side) => {
    const isAllowed = sees(who, room) && (who.role === 'agent' || side === 'user');
    return {
      what: `removes the file of the ${side}`,
      expected: isAllowed ? 204 : named(who, sees(who, room), 403),
      ask: async () => {
        const id = isAllowed ? await shareIn(call, personOf(room, side).token, room.session) : room.files[side];
        return call('DELETE', `/api/chat/files/${id}/`, who.token);
      },
    };
  },
  'DELETE /api/chat/files/{id}/links': (who, room, side) => {
    const isAllowed = sees(who, room) && (who.role === 'agent' || side === 'user');
    return {
      what: `takes back the links to the file of the ${side}`,
      expected: isAllowed ? 204 : named(who, sees(who, room), 403),
      ask: async () => {
        const id = isAllowed ? await shareIn(call, personOf(room, side).token, room.session) : room.files[side];
        return call('DELETE', `/api/chat/files/${id}/links/`, who.token);
      },
    };
  },
  'GET /api/chat/uploads': (who, room) => ({
    what: 'lists the unfinished uploads, and can go on with their own only',
    expected: stated(who, sees(who, room), 200),
    ask: async () => {
      const answer = await call('GET', `/api/chat/uploads/?${statement(room)}`, who.token);
      if (answer.status !== 200) return answer;
      const { uploads } = (await answer.json()) as { uploads: { uploader: 'user' | 'agent'; upload_url?: string }[] };
      expect(uploads.length).toBeGreaterThan(1);
      for (const { uploader, upload_url } of uploads)
        expect([who.name, uploader, upload_url !== undefined]).toEqual([
          who.name,
          uploader,
          isUploader(who, room, uploader),
        ]);
      return answer;
    },
  }),
  'POST /api/chat/upload': (who, room) => ({
    what: 'shares in one request',
    expected: stated(who, sees(who, room), 201),
    ask: () => call('POST', '/api/chat/upload/', who.token, { body: formOf(room) }),
  }),
  'POST /api/chat/tus': (who, room) => ({
    what: 'creates an upload',
    expected: stated(who, sees(who, room), 201),
    ask: () => createUpload(call, who.token, { company_id: room.company, session_id: room.session }, FILE),
  }),
  'HEAD /api/chat/tus/{id}': (who, room, side) => ({
    what: `asks for the upload of the ${side}`,
    expected: named(who, isUploader(who, room, side), 200),
    ask: () => call('HEAD', room.uploads[side], who.token, TUS),
  }),
  'PATCH /api/chat/tus/{id}': (who, room, side) => ({
    what: `goes on with the upload of the ${side}`,
    expected: named(who, isUploader(who, room, side), 204),
    ask: async () => goOn(call, who.token, await uploadFor(who, room, side)),
  }),
  'DELETE /api/chat/tus/{id}': (who, room, side) => ({
    what: `ends the upload of the ${side}`,
    expected: named(who, isUploader(who, room, side), 204),
    ask: async () => call('DELETE', await uploadFor(who, room, side), who.token, TUS),
  }),
  // Whoever has a link opens it, so it is opened once for each chat, by nobody.
  'GET /media/{key}': (who, room, side) =>
    who.role === 'user' && sees(who, room)
      ? {
          what: `opens a link to the file of the ${side}, and one that was altered`,
          expected: 200,
          ask: async () => {
            const link = room.links[side].replace(/(?<=signature=)./, (first) => (first === 'A' ? 'B' : 'A'));
            const altered = await call('GET', link, undefined);
            expect(altered.status).toBe(403);
            return call('GET', room.links[side], undefined);
          },
        }
      : null,
};

/** After the links were opened: a session is named in the caller's own company. */
IN_ROOMS['DELETE /api/chat/sessions/{session}/links'] = (who, room) =>
  hasToken(who) && who.company !== room.company
    ? null
    : {
        what: 'takes back the links of the chat',
        expected: named(who, sees(who, room), who.role === 'agent' ? 204 : 403),
        ask: () => call('DELETE', `/api/chat/sessions/${room.session}/links/`, who.token),
      };

/** The same of a whole chat: an agent's, and a link for whoever has it. */
for (const [verb, status] of [
  ['GET', 200],
  ['POST', 201],
] as const)
  IN_ROOMS[`${verb} /api/chat/sessions/{session}/archive`] = (who, room) =>
    hasToken(who) && who.company !== room.company
      ? null
      : {
          what: `${verb} the archive of the chat`,
          expected: named(who, sees(who, room), who.role === 'agent' ? status : 403),
          ask: () => patiently(() => call(verb, `/api/chat/sessions/${room.session}/archive/`, who.token)),
        };
IN_ROOMS['GET /media/archive/{company}/{session}'] = (who, room) =>
  who.role === 'user' && sees(who, room)
    ? {
        what: 'opens a link to the archive of the chat, and one that was altered to another company',
        expected: 200,
        ask: async () => {
          const made = await call('POST', `/api/chat/sessions/${room.session}/archive/`, personOf(room, 'agent').token);
          const link = new URL(((await made.json()) as { url: string }).url);
          const other = companies.find((company) => company !== room.company) ?? '';
          const altered = link.pathname.replace(room.company, other) + link.search;
          expect((await call('GET', altered, undefined)).status).toBe(403);
          return patiently(() => call('GET', link.pathname + link.search, undefined));
        },
      }
    : null;

/** Of each caller once. */
const OF_CALLER: Record<string, (who: Who) => Cell> = {
  'POST /api/auth/session': (who) => ({
    what: 'makes the cookie',
    expected: hasToken(who) ? 204 : 401,
    ask: () => call('POST', '/api/auth/session/', who.token),
  }),
  'GET /api/chat/config': (who) => ({
    what: 'asks who they are',
    expected: hasToken(who) ? 200 : 401,
    ask: async () => {
      const answer = await call('GET', '/api/chat/config/', who.token);
      const caller = { role: who.role, company_id: who.company, session_id: who.session };
      if (answer.status === 200) expect(await answer.json()).toMatchObject({ caller });
      return answer;
    },
  }),
  'GET /api/chat/sessions': (who) => ({
    what: 'lists the chats',
    expected: who.role === 'agent' ? 200 : hasToken(who) ? 403 : 401,
    ask: async () => {
      const answer = await call('GET', '/api/chat/sessions/?limit=200', who.token);
      if (answer.status !== 200) return answer;
      const listed = ((await answer.json()) as { sessions: { company_id: string; session_id: string }[] }).sessions;
      const seen = rooms.filter((room) => sees(who, room)).map(placeOf);
      expect(listed.map(({ company_id, session_id }) => `${company_id}/${session_id}`).sort()).toEqual(seen.sort());
      return answer;
    },
  }),
};

/** The last of all: it takes the chats away. */
const LAST = 'DELETE /api/chat/sessions/{session}';
/** The same for everybody. */
const PUBLIC: Record<string, string> = {
  'DELETE /api/auth/session': '/api/auth/session/',
  'OPTIONS /api/chat/tus': '/api/chat/tus/',
  'OPTIONS /api/chat/tus/{id}': '/api/chat/tus/x',
  'GET /healthz': '/healthz',
  'GET /readyz': '/readyz',
  'GET /metrics': '/metrics',
  'GET /openapi.json': '/openapi.json',
  'GET /problems': '/problems/',
  'GET /problems/{code}': '/problems/not-found',
  'GET /asyncapi.json': '/asyncapi.json',
  'GET /': '/',
  'GET /widget/{name}': '/widget/chat-files.js',
  'GET /widget.js': '/widget.js',
  'GET /embed': `/embed/?company_id=${companies[0]}`,
  'GET /demo': '/demo/',
  'GET /dashboard': '/dashboard/',
  'GET /admin': '/admin/',
  'POST /api/csp-reports': '/api/csp-reports/',
  'POST /demo/tokens': '/demo/tokens',
};

describe('routes', () => {
  const documented = Object.keys(OPERATIONS).map((row) => bare(row));
  const routes = routesOfServer().flatMap(({ path, verbs }) =>
    // A route for all verbs: the document says which it knows.
    verbs.length > 3 ? documented.filter((row) => row.endsWith(` ${path}`)) : verbs.map((verb) => `${verb} ${path}`),
  );
  /** The operator's are generated: nobody else gets in, whatever they do. */
  const operators = [...new Set(routes)].filter((route) => route.split(' ')[1]?.startsWith('/api/admin/'));

  test('each has its row here, and each row its route', () => {
    const rows = [IN_ROOMS, OF_CALLER, PUBLIC].flatMap((table) => Object.keys(table));
    expect([...rows, LAST, ...operators].sort()).toEqual([...new Set(routes)].sort());
    expect(operators.length).toBeGreaterThan(5);
  });

  test('of the operator: nobody else gets in, by whatever verb', async () => {
    const cells = operators.flatMap((route) => {
      const [verb = '', path = ''] = route.split(' ');
      const filled = path.replace('{company}', String(companies[0])).replaceAll(/\{[a-z]+\}/g, 'none');
      return people.map((who, at) => {
        // Each from an address of their own: who guesses at the admin token from one is told to wait.
        const headers = { 'x-forwarded-for': `198.51.${operators.indexOf(route)}.${at}` };
        return { who, route, ask: () => call(verb, filled, who.token, { headers }) };
      });
    });
    const others = cells.filter(({ who }) => who.role !== 'admin');
    const faults: string[] = [];
    await inTurns(others, async ({ who, route, ask }) => {
      const { status } = await ask();
      if (status !== 401) faults.push(`${who.name}: ${route}: ${status} instead of 401`);
    });
    expect(faults).toEqual([]);
    for (const { who, route, ask } of cells.filter(
      (cell) => cell.who.role === 'admin' && cell.route.startsWith('GET'),
    )) {
      const { status } = await ask();
      expect([who.name, route, status !== 401 && status < 500]).toEqual([who.name, route, true]);
    }
  });

  test.each(Object.entries(IN_ROOMS))('%s: each caller, in their chats and in others’', async (route, row) => {
    const cells = people.flatMap((who) =>
      (route === THROUGHOUT ? roomsOf(who) : someRoomsOf(who)).flatMap((room) => {
        // In another company's chats one side is as good as the other.
        const rows = SIDES.map((side) => row(who, room, side));
        const differs = who.company === room.company && rows[0]?.what !== rows[1]?.what;
        return (differs ? rows : rows.slice(0, 1)).flatMap((cell) => (cell === null ? [] : { who, room, cell }));
      }),
    );
    expect(cells.length).toBeGreaterThan(15);
    expect(await faultsOf(cells)).toEqual([]);
  });

  test('of chats: what was refused has changed nothing', async () => {
    await inTurns(rooms, async (room) => {
      for (const side of SIDES) {
        const { token } = personOf(room, side);
        expect((await call('GET', `/api/chat/files/${room.files[side]}/content`, token)).status).toBe(200);
        const upload = await call('HEAD', room.uploads[side], token, TUS);
        expect([upload.status, upload.headers.get('upload-offset')]).toEqual([200, '100']);
      }
    });
  });

  test('of callers, and those that are the same for all', async () => {
    const ofCaller = people.flatMap((who) => Object.values(OF_CALLER).map((row) => ({ who, cell: row(who) })));
    expect(await faultsOf(ofCaller)).toEqual([]);
    const oneOfEach = people.slice(0, 5);
    for (const [route, path] of Object.entries(PUBLIC)) {
      const verb = route.split(' ')[0] ?? '';
      const forNobody = (await call(verb, path, undefined)).status;
      const statuses = new Set<number>();
      for (const { token } of oneOfEach) statuses.add((await call(verb, path, token)).status);
      expect([route, [...statuses]]).toEqual([route, [forNobody]]);
      expect(forNobody).toBeLessThan(500);
    }
  });
});

describe('events', () => {
  const recorders = new Map<Who, SocketRecorder>();
  beforeAll(async () => {
    for (const who of callers)
      recorders.set(who, recordSocket({ baseUrl: server().baseUrl, auth: { token: who.token } }));
    await Promise.all([...recorders.values()].map((each) => each.waitForEvent('connection_established')));
  });
  afterAll(() => {
    for (const each of recorders.values()) each.close();
  });
  const emit = (who: Who, name: string, message: object) =>
    recorders.get(who)?.socket.timeout(10_000).emitWithAck(name, message) as Promise<{ error?: { code: string } }>;
  const codeOf = (answer: { error?: { code: string } }) => answer.error?.code ?? 'ok';

  /** What a client says, and what it comes to, in each chat: a company can be stated with one of them only. */
  const FROM_CLIENT: Record<string, (who: Who, room: Room) => { expected: string; ask(): Promise<string> } | null> = {
    request_file_list: (who, room) => ({
      expected: sees(who, room) ? 'ok' : 'forbidden',
      ask: async () =>
        codeOf(await emit(who, 'request_file_list', { company_id: room.company, session_id: room.session })),
    }),
    join: (who, room) =>
      who.company !== room.company
        ? null
        : {
            expected: sees(who, room) ? 'ok' : 'forbidden',
            ask: async () => codeOf(await emit(who, 'join', { session_id: room.session })),
          },
    leave: (who, room) =>
      // Only from what one has joined: where one is by the token one stays.
      who.company !== room.company || who.session === room.session
        ? null
        : { expected: 'ok', ask: async () => codeOf(await emit(who, 'leave', { session_id: room.session })) },
    follow: (who, room) =>
      who.company !== room.company || room.session !== sessions[0]
        ? null
        : {
            expected: who.role === 'agent' && who.session === null ? 'ok' : 'forbidden',
            ask: async () => codeOf(await emit(who, 'follow', {})),
          },
  };
  const TO_CLIENT = [
    'connection_established',
    'file_shared',
    'file_list',
    'file_updated',
    'file_removed',
    'upload_progress',
    'error',
  ];

  test('each has its row here', () => {
    const said = [...read('server/realtime/socket-messages.ts').matchAll(/\[\s*'(\w+)',/g)].map(([, name]) => name);
    expect(Object.keys(FROM_CLIENT).sort()).toEqual(said.sort());
    const told = [...read('server/contract/events.ts').matchAll(/\btype: '(\w+)'/g)].map(([, name]) => name);
    expect(TO_CLIENT.toSorted()).toEqual([...new Set(told)].sort());
  });

  test('what a client says: each caller, of each chat', async () => {
    const faults: string[] = [];
    await inTurns(callers, async (who) => {
      for (const [name, row] of Object.entries(FROM_CLIENT)) {
        for (const room of rooms) {
          const cell = row(who, room);
          const code = await cell?.ask();
          if (code !== cell?.expected)
            faults.push(`${who.name}: ${name} in ${placeOf(room)}: ${code} instead of ${cell?.expected}`);
        }
      }
    });
    expect(faults).toEqual([]);
  });

  test('what a client is told: each caller, of each chat, and nothing of any other', async () => {
    const shared = new Map<Room, number>();
    const forget = () => {
      for (const { events } of recorders.values()) events.length = 0;
    };
    forget();
    const ledger = createEventLedger(await server().openDatabase());
    for (const room of rooms) {
      const { token } = personOf(room, 'user');
      await goOn(call, token, await beginIn(call, token, room.session));
      shared.set(room, await shareIn(call, token, room.session));
    }
    await inLedger((transaction, seq, room) =>
      ledger.append(
        transaction,
        seq,
        { company: room.company, session: room.session, type: 'file_updated', fileId: room.files.user },
        Date.now(),
      ),
    );
    for (const room of rooms)
      await call('DELETE', `/api/chat/files/${shared.get(room)}/`, personOf(room, 'agent').token);
    for (const [who, { socket }] of recorders) if (who.session !== null) socket.emit('join', { session_id: '' });

    const hears = (who: Who) => rooms.filter((room) => sees(who, room)).map(placeOf);
    for (const [who, recorder] of recorders) {
      // By an upload that was begun before, and by one that came whole.
      const counts: Record<string, number> = { file_shared: 2, file_updated: 1, file_removed: 1 };
      for (const [name, count] of Object.entries(counts)) {
        const expected = hears(who).flatMap((place) => Array(count).fill(place));
        await eventually(`${who.name} hears ${name}`, () => recorder.payloads(name).length >= expected.length);
        expect([who.name, name, placesOf(recorder, name)]).toEqual([who.name, name, expected.sort()]);
      }
      // Nobody is told of their own upload; all others in the chat are.
      const others = who.role === 'user' ? [] : hears(who);
      await eventually(
        `${who.name} hears of progress`,
        () => recorder.payloads('upload_progress').length >= others.length,
      );
      expect([who.name, [...new Set(placesOf(recorder, 'upload_progress'))]]).toEqual([who.name, others.sort()]);
      await eventually('errors', () => who.session === null || recorder.payloads('error').length === 1);
      expect([who.name, recorder.payloads('error').length]).toEqual([who.name, who.session === null ? 0 : 1]);
      const names = new Set(recorder.events.map(({ name }) => name));
      expect([...names].filter((name) => !TO_CLIENT.includes(name))).toEqual([]);
    }
  });

  async function inLedger(append: (transaction: never, seq: number, room: Room) => Promise<void>): Promise<void> {
    const database = await server().openDatabase();
    const ledger = createEventLedger(database);
    for (const room of rooms)
      await database.transaction(async (transaction) =>
        append(transaction as never, await ledger.nextSeq(transaction, room.company), room),
      );
    await database.destroy();
  }

  test('a handshake that states a chat: each caller, of theirs and others, over both transports', async () => {
    const faults: string[] = [];
    await inTurns(people, async (who) => {
      for (const room of someRoomsOf(who)) {
        const status = await plainHandshake(`/ws/chat/${room.company}/${room.session}/?token=${who.token ?? ''}`);
        const expected = stated(who, sees(who, room), 101);
        if (status !== expected) faults.push(`${who.name}: WebSocket in ${placeOf(room)}: ${status}, not ${expected}`);
      }
    });
    await inTurns(callers, async (who) => {
      for (const room of someRoomsOf(who)
        .filter((each) => !sees(who, each))
        .slice(0, 2)) {
        const auth = { token: who.token, company_id: room.company, session_id: room.session };
        const recorder = recordSocket({ baseUrl: server().baseUrl, auth });
        const { name } = await recorder.waitFor((event) => /connect_error|connection_established/.test(event.name));
        recorder.close();
        if (name !== 'connect_error') faults.push(`${who.name}: Socket.IO in ${placeOf(room)}`);
      }
    });
    expect(faults).toEqual([]);
  });
});

test(`${LAST}: an agent ends the chats that they reach, and no other of that name`, async () => {
  const remove = async (who: Who, session: string) =>
    (await call('DELETE', `/api/chat/sessions/${session}/`, who.token)).status;
  const denied = people.filter((who) => who.session !== null || !hasToken(who));
  for (const who of denied) {
    const refused = sessions.filter((session) => session !== who.session || who.role === 'user');
    const expected = refused.map((session) => (!hasToken(who) ? 401 : session === who.session ? 403 : 404));
    const statuses: number[] = [];
    for (const session of refused) statuses.push(await remove(who, session));
    expect([who.name, statuses]).toEqual([who.name, expected]);
  }
  for (const [at, company] of companies.entries()) {
    const agents = callers.filter((who) => who.company === company && who.role === 'agent');
    // The agent of the whole company ends the first chat, and those of the others theirs.
    for (const agent of agents.filter(({ session }) => session !== sessions[0]))
      expect(await remove(agent, agent.session ?? String(sessions[0]))).toBe(204);
    for (const room of rooms) {
      const { status } = await call('GET', `/api/chat/files/${room.files.agent}/`, personOf(room, 'user').token);
      expect([placeOf(room), status]).toEqual([placeOf(room), companies.indexOf(room.company) <= at ? 404 : 200]);
    }
  }
});

/** So many archives are made at once; who comes later is told to wait. */
function patiently(ask: () => ReturnType<Call>): ReturnType<Call> {
  return eventually('it is their turn', async () => {
    const answer = await ask();
    return answer.status !== 429 && answer;
  });
}

function personOf(room: Room, side: keyof Side<unknown>): Who {
  const session = side === 'user' ? room.session : null;
  return callers.find((who) => who.role === side && who.company === room.company && who.session === session) as Who;
}

/** One of their own where it will change, and what is there where it must not. */
function uploadFor(who: Who, room: Room, side: keyof Side<unknown>): Promise<string> | string {
  return isUploader(who, room, side) ? beginIn(call, who.token, room.session) : room.uploads[side];
}

function formOf({ company, session }: Room): FormData {
  const form = new FormData();
  form.append('company_id', company);
  form.append('session_id', session);
  form.append('file', new Blob([FILE], { type: 'image/png' }), 'a.png');
  return form;
}

async function onlyOf(room: Room, asked: ReturnType<Call>, name: 'files') {
  const answer = await asked;
  if (answer.status !== 200) return answer;
  const listed = ((await answer.json()) as Record<typeof name, { company_id: string; session_id: string }[]>)[name];
  expect(listed.length).toBeGreaterThan(1);
  for (const { company_id, session_id } of listed)
    expect([company_id, session_id]).toEqual([room.company, room.session]);
  return answer;
}

async function faultsOf(cells: readonly { who: Who; room?: Room; cell: Cell }[]): Promise<string[]> {
  const faults: string[] = [];
  await inTurns(cells, async ({ who, room, cell }) => {
    const { status } = await cell.ask();
    const where = room === undefined ? '' : ` in ${placeOf(room)}`;
    if (status !== cell.expected)
      faults.push(`${who.name} ${cell.what}${where}: ${status} instead of ${cell.expected}`);
  });
  return faults;
}

/** So many at once, so that some thousand calls take seconds. */
const AT_ONCE = 16;

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

/** 101, or the status of the refusal. */
function plainHandshake(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(server().baseUrl.replace(/^http/, 'ws') + path);
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', reject);
  });
}

function placesOf(recorder: SocketRecorder, name: string): string[] {
  return recorder
    .payloads(name)
    .map(({ company_id, session_id }) => `${company_id}/${session_id}`)
    .sort();
}

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
