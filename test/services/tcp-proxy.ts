/** A TCP proxy on loopback that can cut, stall or slow the connections that run through it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from './eventually.ts';

export type TcpProxy = {
  port: number;
  /** Ends every connection with an RST on both sides; new ones are accepted. */
  cut(): void;
  /**
   * While on, everything is swallowed both ways and no end is passed on: neither side learns of it. What was swallowed
   * is lost, so a connection that was open meanwhile stays swallowed after `hole(false)`.
   */
  hole(on: boolean): void;
  /** While on, every connection is ended at once by an RST, those that are open too. */
  refuse(on: boolean): void;
  /** Limits what passes, both ways and all connections together; Infinity lifts the limit. */
  rate(bytesPerSecond: number): void;
  /** Bytes passed on to the target so far. */
  bytesUp(): number;
  /** Resolves as soon as `bytes` more than now have been passed on to the target. */
  waitForBytesUp(bytes: number, timeoutMs?: number): Promise<void>;
  /** Connections opened so far. */
  connections(): number;
  stop(): Promise<void>;
};

type Pair = { client: Socket; target: Socket; swallowed: boolean };

export async function startTcpProxy({ targetPort }: { targetPort: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let holeIsOn = false;
  let refuses = false;
  let opened = 0;
  let bytesUp = 0;
  const throttle = createThrottle();

  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    if (refuses) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const pair: Pair = { client, target, swallowed: holeIsOn };
    pairs.add(pair);
    opened += 1;
    const countUp = (bytes: number) => {
      bytesUp += bytes;
    };
    join(pair, client, target, throttle.wait, countUp);
    join(pair, target, client, throttle.wait, () => undefined);
    const forget = () => {
      if (client.destroyed && target.destroyed) pairs.delete(pair);
    };
    client.on('close', forget);
    target.on('close', forget);
    client.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const reset = () => {
    for (const { client, target } of pairs) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
    pairs.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: reset,
    hole(on) {
      holeIsOn = on;
      if (on) for (const pair of pairs) pair.swallowed = true;
    },
    refuse(on) {
      refuses = on;
      if (on) reset();
    },
    rate: throttle.setRate,
    bytesUp: () => bytesUp,
    async waitForBytesUp(bytes, timeoutMs = 60_000) {
      const goal = bytesUp + bytes;
      await eventually(`${bytes} bytes through the proxy`, () => bytesUp >= goal, timeoutMs);
    },
    connections: () => opened,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      reset();
      await closed;
    },
  };
}

/** Passes one direction on, with back-pressure; half-closed connections stay half-closed. */
function join(
  pair: Pair,
  from: Socket,
  to: Socket,
  waitForTurn: (bytes: number) => Promise<void>,
  count: (bytes: number) => void,
): void {
  let turn = Promise.resolve();
  from.on('data', (chunk: Buffer) => {
    if (pair.swallowed) return;
    from.pause();
    turn = turn.then(async () => {
      await waitForTurn(chunk.length);
      if (pair.swallowed || to.destroyed) {
        from.resume();
        return;
      }
      count(chunk.length);
      if (!to.write(chunk)) await drained(to);
      from.resume();
    });
  });
  from.on('end', () => {
    turn = turn.then(() => {
      if (!pair.swallowed) to.end();
    });
  });
  from.on('error', () => undefined);
  from.on('close', (hadError) => {
    if (pair.swallowed) return;
    if (hadError) to.resetAndDestroy();
    else turn = turn.then(() => void to.destroySoon());
  });
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** One queue for all connections: each chunk takes its place on the line for as long as the rate says. */
function createThrottle(): { wait(bytes: number): Promise<void>; setRate(bytesPerSecond: number): void } {
  let bytesPerSecond = Number.POSITIVE_INFINITY;
  let lineIsFreeAt = 0;
  return {
    setRate(newRate) {
      bytesPerSecond = newRate;
      lineIsFreeAt = performance.now();
    },
    async wait(bytes) {
      if (bytesPerSecond === Number.POSITIVE_INFINITY) return;
      lineIsFreeAt = Math.max(lineIsFreeAt, performance.now()) + (bytes / bytesPerSecond) * 1000;
      // Asked in steps, so that a limit that is lifted meanwhile frees what waits.
      while (bytesPerSecond !== Number.POSITIVE_INFINITY) {
        const waitMs = lineIsFreeAt - performance.now();
        if (waitMs <= 0) return;
        await sleep(Math.min(waitMs, 50));
      }
    },
  };
}
