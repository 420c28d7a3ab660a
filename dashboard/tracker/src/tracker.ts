// What the watchers share: the page, the way events leave, and listeners that can never hurt the page.
import type { Options } from "./options";

export type Data = Record<string, unknown>;

export interface Tracker {
  options: Options;
  /** The current page, as it is sent. */
  page: string;
  /** When it became current, ms since 1970. */
  since: number;
  /** Deepest part of the page seen, in percent. */
  depth: number;
  emit(action: string, metadata?: Data): void;
  /** The tab goes to the back, or the page away: the last moment to say something. */
  leaving(): void;
}

/** What goes on (writing, reading, failing) is told again after this time. */
export const AGAIN_MS = 5_000;

/** Whatever goes wrong in here stays in here. */
export function guard<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      work(...args);
    } catch {
      // The page is worth more than the event.
    }
  };
}

export function on<E extends Event>(target: EventTarget, types: string, listener: (event: E) => void): void {
  for (const type of types.split(" ")) target.addEventListener(type, guard(listener) as (event: Event) => void, { capture: true, passive: true });
}

/** Entries of the browser's own measurements, past ones too; nothing where a browser does not know the type. */
export function measured<E extends PerformanceEntry>(type: string, take: (entry: E) => void): void {
  if (PerformanceObserver.supportedEntryTypes.includes(type)) {
    new PerformanceObserver(guard((list) => (list.getEntries() as E[]).forEach(take))).observe({ type, buffered: true, durationThreshold: 16 } as PerformanceObserverInit);
  }
}
