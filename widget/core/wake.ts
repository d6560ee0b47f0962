/** Notices that an upload stands still, and that the network or the page has come back. */

export type Wake = {
  /** Starts watching one attempt. */
  watch(id: string): void;
  /** A request of this method goes out: with little or nothing to send, an answer is due sooner. */
  expect(id: string, method: string): void;
  /** Bytes moved: the attempt is alive. `allSent` allows the server longer, it may be storing or scanning. */
  progress(id: string, allSent: boolean): void;
  unwatch(id: string): void;
  destroy(): void;
};

const STALL_MS = 20_000;
const SHORT_STALL_MS = 10_000;
const FINISH_STALL_MS = 60_000;
const HURRY_MS = 3000;
const TICK_MS = 1000;
/** A tick this late means that the machine slept, or that the browser froze the page. */
const SLEPT_MS = 10_000;

/**
 * Without it a PATCH into a black hole stays silent for ever. `onStalled` must abort the attempt and start it again;
 * `onAwake` is told when the browser says "online", the page shows again, or the machine wakes.
 */
export function createWake(needs: { onStalled: (id: string) => void; onAwake: () => void }): Wake {
  /** Of `performance.now()`, which nobody sets back. */
  const deadlines = new Map<string, number>();
  /** Milliseconds that the request under way may stand still. */
  const patience = new Map<string, number>();
  let timer: ReturnType<typeof setInterval> | null = null;
  let lastTickAt = Date.now();

  function tick(): void {
    // By the wall clock: the other one may stand still while the machine sleeps.
    const slept = Date.now() - lastTickAt > SLEPT_MS;
    lastTickAt = Date.now();
    if (slept) awake();
    const now = performance.now();
    // A hidden page gets its progress events late, an offline one gets none: neither is a stall.
    if (!isWatching()) {
      for (const id of deadlines.keys()) deadlines.set(id, now + STALL_MS);
      return;
    }
    for (const [id, deadline] of [...deadlines]) {
      if (now < deadline) continue;
      deadlines.delete(id);
      needs.onStalled(id);
    }
    stopIfIdle();
  }

  // An XHR that was under way when the network left often stays open for minutes: shorten its deadline rather than
  // restart it here, since it may just as well be moving again.
  function awake(): void {
    const soon = performance.now() + HURRY_MS;
    for (const [id, deadline] of deadlines) deadlines.set(id, Math.min(deadline, soon));
    needs.onAwake();
  }

  function extend(id: string, allSent: boolean): void {
    const stallMs = allSent ? FINISH_STALL_MS : (patience.get(id) ?? STALL_MS);
    if (deadlines.has(id)) deadlines.set(id, performance.now() + stallMs);
  }

  // While it was hidden nobody watched.
  function onVisible(): void {
    if (isWatching()) awake();
  }

  function stopIfIdle(): void {
    if (deadlines.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  }

  window.addEventListener('online', awake);
  window.addEventListener('pageshow', onVisible);
  document.addEventListener('visibilitychange', onVisible);

  return {
    watch(id) {
      deadlines.set(id, performance.now() + STALL_MS);
      if (timer !== null) return;
      lastTickAt = Date.now();
      timer = setInterval(tick, TICK_MS);
    },
    expect(id, method) {
      patience.set(id, method === 'PATCH' ? STALL_MS : SHORT_STALL_MS);
      extend(id, false);
    },
    progress: extend,
    unwatch(id) {
      deadlines.delete(id);
      patience.delete(id);
      stopIfIdle();
    },
    destroy() {
      deadlines.clear();
      stopIfIdle();
      window.removeEventListener('online', awake);
      window.removeEventListener('pageshow', onVisible);
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}

/** Visible and, as far as the browser knows, online. */
function isWatching(): boolean {
  return document.visibilityState === 'visible' && navigator.onLine !== false;
}
