/** How files are brought to each kind of server: by tus, by PUT, or as a form. */
import { mp4File } from '../../services/fixtures.ts';
import { BLOCK_BYTES, headerOf, type RawConnection, sendBlocks } from './raw-http.ts';
import type { Measured } from './servers.ts';
import { createHead, expectStatus, patchHead } from './tus-heads.ts';

export type UploadClient = {
  /** `requestBytes` a request: PATCHes of one file, and where there is no PATCH a file each. */
  film(server: Measured, connection: RawConnection, nth: number, bytes: number, requestBytes: number): Promise<void>;
  /** In one request. */
  picture: SendPicture;
};
export type SendPicture = (server: Measured, connection: RawConnection, nth: number, body: Buffer) => Promise<void>;

const FILM = mp4File(BLOCK_BYTES);
const FORM_BOUNDARY = 'chatdrop-bench';
const FORM_END = `\r\n--${FORM_BOUNDARY}--\r\n`;

export const UPLOAD_CLIENTS: Record<Measured['protocol'], UploadClient> = {
  tus: {
    async film(server, connection, nth, bytes, requestBytes) {
      const location = await create(server, connection, nth, bytes, 'film.mp4');
      await inPieces(bytes, requestBytes, async (offset, length) => {
        const head = patchHead(server, nth, location, offset, length);
        const answer = await connection.exchange(head, (socket) => sendBlocks(socket, FILM, FILM, length));
        expectStatus(answer.status, 204);
      });
    },
    async picture(server, connection, nth, body) {
      const head = createHead(server, nth, body.length, 'picture.png', body.length);
      const answer = await connection.exchange(head, async (socket) => void socket.write(body));
      expectStatus(answer.status, 201);
    },
  },
  put: {
    async film(server, connection, _nth, bytes, requestBytes) {
      await inPieces(bytes, requestBytes, async (_offset, length) => {
        const answer = await connection.exchange(putHead(server, '.mp4', length), (socket) =>
          sendBlocks(socket, FILM, FILM, length),
        );
        expectStatus(answer.status, 201);
      });
    },
    async picture(server, connection, _nth, body) {
      const head = putHead(server, '.png', body.length);
      const answer = await connection.exchange(head, async (socket) => void socket.write(body));
      expectStatus(answer.status, 201);
    },
  },
  form: {
    async film(server, connection, _nth, bytes, requestBytes) {
      await inPieces(bytes, requestBytes, async (_offset, length) => {
        const answer = await connection.exchange(formHead(server, 'film.mp4', 'video/mp4', length), async (socket) => {
          await sendBlocks(socket, FILM, FILM, length);
          socket.write(FORM_END);
        });
        expectStatus(answer.status, 201);
      });
    },
    async picture(server, connection, _nth, body) {
      const head = formHead(server, 'picture.png', 'image/png', body.length);
      const answer = await connection.exchange(head, async (socket) => {
        socket.write(body);
        socket.write(FORM_END);
      });
      expectStatus(answer.status, 201);
    },
  },
};

/** POST and PATCH: only where there is tus. */
export const pictureInTwo: SendPicture = async (server, connection, nth, body) => {
  const location = await create(server, connection, nth, body.length, 'picture.png');
  const head = patchHead(server, nth, location, 0, body.length);
  const answer = await connection.exchange(head, async (socket) => void socket.write(body));
  expectStatus(answer.status, 204);
};

async function create(server: Measured, connection: RawConnection, nth: number, bytes: number, name: string) {
  const answer = await connection.exchange(createHead(server, nth, bytes, name, 0));
  expectStatus(answer.status, 201);
  return new URL(headerOf(answer, 'location') ?? '', `http://127.0.0.1:${server.port}`).pathname;
}

async function inPieces(bytes: number, most: number, send: (offset: number, length: number) => Promise<void>) {
  for (let offset = 0; offset < bytes; offset += most) await send(offset, Math.min(most, bytes - offset));
}

let puts = 0;

/** Each file under a name of its own: nothing is written over. */
function putHead(server: Measured, ending: string, bytes: number): string {
  puts += 1;
  return `PUT ${server.path}${puts}${ending} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: ${bytes}\r\n\r\n`;
}

function formHead(server: Measured, name: string, type: string, bytes: number): string {
  const part = `--${FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`;
  const length = part.length + bytes + FORM_END.length;
  return `POST ${server.path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: multipart/form-data; boundary=${FORM_BOUNDARY}\r\nContent-Length: ${length}\r\n\r\n${part}`;
}
