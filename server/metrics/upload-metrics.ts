/** What becomes of uploads, and how long a file takes from its last byte to everybody's screen. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ProblemCode } from '../contract/problem.ts';
import type { UploadRecord } from '../database/upload-table.ts';
import { isFinal } from '../rules/upload-concat.ts';

/** By tus, in parts by tus, or in the one request of the original API. */
export type UploadWay = 'tus' | 'parallel' | 'one_request';

export type UploadMetrics = {
  started(way: UploadWay): void;
  /** At its creation, by its first bytes, or by all of them. */
  refused(code: ProblemCode): void;
  /** Its client came back to it. */
  resumed(): void;
  /** The file is recorded, and everybody is told in this moment. `lastByteAt`: milliseconds since 1970 */
  finished(upload: Pick<UploadRecord, 'resumes' | 'oneRequest' | 'concat'>, lastByteAt: number): void;
  ended(why: 'cancelled' | 'expired'): void;
  /** A request brings bytes. @returns to be called when it does no more */
  bodyBegan(): () => void;
  /** On the hot path: one addition. */
  received(bytes: number): void;
};

/** Refused ones that are there from the start, so that the first of them is seen as a rise. */
const USUAL_REFUSALS: ProblemCode[] = ['type-not-allowed', 'type-mismatch', 'executable', 'file-too-large', 'infected'];
const WAYS: UploadWay[] = ['tus', 'parallel', 'one_request'];
/**
 * Most files take some ten milliseconds, which is the disk's time to sync; a scan makes it a few hundred, a joined or S3 copy of a
 * large file seconds; minutes and more are those that waited for a scanner or a store that was away.
 */
const EVENT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

export function createUploadMetrics(registry: Registry, now: () => number): UploadMetrics {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const started = counter('chatdrop_uploads_started_total', 'Uploads that were accepted.', ['way']);
  const finished = counter('chatdrop_uploads_finished_total', 'Uploads that became a file.', ['way']);
  const refused = counter('chatdrop_uploads_refused_total', 'Uploads that were refused, by the code of the problem.', [
    'code',
  ]);
  const resumed = counter('chatdrop_uploads_resumed_total', 'Times that a client came back to an open upload.');
  const rescued = counter('chatdrop_uploads_rescued_total', 'Finished uploads whose client had come back to them.');
  const ended = counter('chatdrop_uploads_ended_total', 'Uploads that ended without a file and without a refusal.', [
    'why',
  ]);
  const toEvent = new Histogram({
    name: 'chatdrop_upload_last_byte_to_event_seconds',
    help: 'From the last byte that is stored to the event that shares the file.',
    buckets: EVENT_SECONDS,
    registers,
  });
  const bodies = new Gauge({
    name: 'chatdrop_upload_bodies',
    help: 'Requests whose bytes are arriving right now.',
    registers,
  });
  let receivedBytes = 0;
  new Counter({
    name: 'chatdrop_received_bytes_total',
    help: 'Bytes of files that arrived.',
    registers,
    collect() {
      this.reset();
      this.inc(receivedBytes);
    },
  });
  for (const way of WAYS) {
    started.inc({ way }, 0);
    finished.inc({ way }, 0);
  }
  for (const code of USUAL_REFUSALS) refused.inc({ code }, 0);
  for (const why of ['cancelled', 'expired']) ended.inc({ why }, 0);
  return {
    started: (way) => started.inc({ way }),
    refused: (code) => refused.inc({ code }),
    resumed: () => resumed.inc(),
    finished(upload, lastByteAt) {
      finished.inc({ way: upload.oneRequest ? 'one_request' : isFinal(upload) ? 'parallel' : 'tus' });
      if (upload.resumes > 0) rescued.inc();
      // A clock that was set back is no reason for a time below zero.
      toEvent.observe(Math.max(0, now() - lastByteAt) / 1000);
    },
    ended: (why) => ended.inc({ why }),
    bodyBegan() {
      bodies.inc();
      return () => bodies.dec();
    },
    received(bytes) {
      receivedBytes += bytes;
    },
  };
}
