/** Works g and h: files are brought into a bucket, beside @tus/s3-store, and beside what the AWS SDK does alone. */
import { type BucketServerName, type BucketServers, startBucketServers } from './bucket-servers.ts';
import { type Bring, type Turns, takeTurns } from './compare.ts';
import { packageVersion } from './machine.ts';
import { BLOCK_BYTES, RawConnection } from './raw-http.ts';
import type { Measured } from './servers.ts';
import { expectStatus } from './tus-heads.ts';
import { UPLOAD_CLIENTS } from './upload-clients.ts';
import { figuresOf } from './upload-figures.ts';
import { film, pictures } from './upload-works.ts';
import type { Bench, Figure, Target, Work } from './work.ts';

/** @tus/s3-store brings some forty a second, Chatdrop hundreds: of fewer the connections of a round would be half of it. */
const FILES = 400;
/** As in works d and e: so many until V8 has compiled what a server does for one, the SDK's code among it. */
const WARM_UP_REQUESTS = 8000;
/**
 * Before each sample, not counted either. Who has waited for ten seconds takes more for each of its next files, up to twice as much, and
 * as long Chatdrop waits for s3-store's turn, where s3-store waits for a second or two. Why it does is not known.
 */
const LEAD_IN_REQUESTS = 1200;
/**
 * To the bucket for each file, as `requestFigures` counts them. With as many files for both, instead, s3-store would warm up for three
 * minutes and be no faster than after a thousand; with as few as it needs, Chatdrop would be measured half compiled.
 */
const REQUESTS_A_FILE = { 's3-store': 8, sdk: 1, chatdrop: 1 } as const satisfies Record<BucketServerName, number>;
const FILM_MEBIBYTES = 256;
/** Of a quick run. */
const QUICK_SHARE = 1 / 16;
const OURS = 'chatdrop';

const SMALL_TARGETS: readonly Target[] = [
  { what: 'throughput', of: OURS, unit: '× s3-store', better: 'more', floor: 8, goal: 12 },
  { what: 'S3 requests', of: OURS, unit: 'a file', better: 'less', floor: 2, goal: 1 },
];
const OF_THE_SDK: Target = { what: 'beside the SDK', of: OURS, unit: '× sdk', better: 'more', goal: 0.95 };
const FILM_TARGETS: readonly Target[] = [
  { what: 'throughput', of: OURS, unit: '× s3-store', better: 'more', floor: 1.2 },
  OF_THE_SDK,
];

export const BUCKET_WORKS: readonly Work[] = [
  {
    id: 'g',
    title: '25 KB into a bucket, creation-with-upload, 16 at once',
    targets: SMALL_TARGETS,
    run: (bench) =>
      withServers(['s3-store', OURS], bench, async (bucket) => {
        const share = bench.quick ? QUICK_SHARE : 1;
        const files = FILES * share;
        const bring: Bring = (server) => pictures(server, files, UPLOAD_CLIENTS.tus.picture);
        const warmUp = (requests: number): Bring => {
          const filesOf = (server: Measured) => (requests * share) / REQUESTS_A_FILE[server.name as BucketServerName];
          return (server) => pictures(server, Math.ceil(filesOf(server)), UPLOAD_CLIENTS.tus.picture);
        };
        for (const server of bucket.servers) {
          bench.progress(`warming up, ${server.name}`);
          await warmUp(WARM_UP_REQUESTS)(server);
        }
        const turns = await takeTurns(bring, bucket.servers, bench, 1, warmUp(LEAD_IN_REQUESTS));
        const figures = figuresOf(turns, { amount: files, unit: 'files' }, SMALL_TARGETS);
        return [...figures, ...(await requestFigures(bucket, bring, files))];
      }),
  },
  {
    id: 'h',
    title: '256 MiB into a bucket, one PATCH',
    targets: FILM_TARGETS,
    run: (bench) =>
      withServers(['s3-store', 'sdk', OURS], bench, async (bucket) => {
        const mebibytes = bench.quick ? FILM_MEBIBYTES * QUICK_SHARE : FILM_MEBIBYTES;
        const bytes = mebibytes * BLOCK_BYTES;
        const bring: Bring = (server) => (server.name === 'sdk' ? bySdk(server, bytes) : film(server, 0, bytes, bytes));
        const turns = await takeTurns(bring, bucket.servers, bench);
        return [...figuresOf(turns, { amount: mebibytes, unit: 'MiB' }, FILM_TARGETS), besideSdk(turns)];
      }),
  },
];

async function withServers(
  names: readonly BucketServerName[],
  bench: Bench,
  measure: (bucket: BucketServers) => Promise<Figure[]>,
): Promise<Figure[]> {
  bench.version('@tus/s3-store', packageVersion('@tus/s3-store'));
  bench.version('@aws-sdk/client-s3', packageVersion('@aws-sdk/client-s3'));
  bench.progress('starting Ceph');
  const bucket = await startBucketServers(names);
  try {
    return await measure(bucket);
  } finally {
    await bucket.stop();
  }
}

/** Once more for each, beside the rounds: what is counted costs those nothing. */
async function requestFigures({ servers, requests }: BucketServers, bring: Bring, files: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const server of servers) {
    const before = await requests();
    await bring(server);
    const samples = [((await requests()) - before) / files];
    const target = SMALL_TARGETS.find(({ what, of }) => what === 'S3 requests' && of === server.name);
    figures.push({ what: 'S3 requests', unit: 'a file', better: 'less', ...target, of: server.name, samples });
  }
  return figures;
}

function besideSdk(turns: readonly Turns[]): Figure {
  const secondsOf = (wanted: string) =>
    turns.find(({ name }) => name === wanted)?.samples.map(({ seconds }) => seconds) ?? [];
  const sdk = secondsOf('sdk');
  return { ...OF_THE_SDK, samples: secondsOf(OURS).map((seconds, at) => (sdk[at] ?? Number.NaN) / seconds) };
}

/** It makes the bytes itself. */
async function bySdk(server: Measured, bytes: number): Promise<void> {
  const connection = new RawConnection(server.port);
  const head = `POST /${bytes} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: 0\r\n\r\n`;
  expectStatus((await connection.exchange(head)).status, 204);
  connection.close();
}
