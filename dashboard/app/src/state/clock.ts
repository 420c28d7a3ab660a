// Two clocks. `now` ticks once a second for everything that says "12 s ago"; it sleeps while nobody looks.
// The store's clock decides when a deadline passes; the server's Date header (whole seconds) tells how far the
// reader's clock is from it, and only a difference larger than its grain is believed.
import { useSyncExternalStore } from "react";

const GRAIN_MS = 2_000;

let skewMs = 0;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

export function skewOf(serverDate: number, localNow: number): number {
  const difference = serverDate + 500 - localNow;
  return Math.abs(difference) < GRAIN_MS ? 0 : difference;
}

export function noteServerDate(date: number | null): void {
  if (date !== null) skewMs = skewOf(date, Date.now());
}

/** The store's time, as well as this browser can know it. */
export function serverNow(): number {
  return Date.now() + skewMs;
}

function tick(): void {
  if (document.hidden) return;
  now = Date.now();
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The reader's time, once a second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** The store's time, once a second. */
export function useServerNow(): number {
  return useNow() + skewMs;
}
