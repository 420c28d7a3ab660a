// Resolving with time to think better of it: what is asked for waits DELAY_MS and is sent only then.
//
//   waiting ──undo──> (gone)          waiting ──time is up, or the page is left──> sending ──> (gone)
//                                     sending ──no answer──> failed ──retry──> sending
//
// Invariants: one item per id; nothing is sent that was undone; nothing is sent twice; at most UNDO_MAX items.
import { createStore, type Store } from "../lib/store";

export const DELAY_MS = 5_000;
const UNDO_MAX = 100;

export interface UndoItem {
  id: string;
  label: string;
  dueAt: number;
  phase: "waiting" | "sending" | "failed";
  error: string | null;
}

export interface UndoWorld {
  now(): number;
  /** Calls back after ms; the answer takes it back. */
  after(ms: number, callback: () => void): () => void;
  send(id: string, leaving: boolean): Promise<void>;
}

export interface UndoQueue {
  items: Store<readonly UndoItem[]>;
  add(id: string, label: string): void;
  /** The one named, else the latest that still waits; gives its id, or null. */
  undo(id?: string): string | null;
  retry(id: string): void;
  dismiss(id: string): void;
  /** The page is being left: everything that waits is sent now. */
  flush(): void;
}

export function createUndoQueue(world: UndoWorld): UndoQueue {
  const items = createStore<readonly UndoItem[]>([]);
  const timers = new Map<string, () => void>();
  const find = (id: string) => items.get().find((item) => item.id === id);
  const remove = (id: string) => items.set((all) => all.filter((item) => item.id !== id));
  const change = (id: string, part: Partial<UndoItem>) =>
    items.set((all) => all.map((item) => (item.id === id ? { ...item, ...part } : item)));

  function stopTimer(id: string): void {
    timers.get(id)?.();
    timers.delete(id);
  }

  async function send(id: string, leaving: boolean): Promise<void> {
    stopTimer(id);
    change(id, { phase: "sending", error: null });
    try {
      await world.send(id, leaving);
      remove(id);
    } catch (error) {
      change(id, { phase: "failed", error: error instanceof Error ? error.message : String(error) });
    }
  }

  return {
    items,
    add(id, label) {
      if (find(id) || items.get().length >= UNDO_MAX) return;
      items.set((all) => [...all, { id, label, dueAt: world.now() + DELAY_MS, phase: "waiting", error: null }]);
      timers.set(id, world.after(DELAY_MS, () => void send(id, false)));
    },
    undo(id) {
      const item = id === undefined ? [...items.get()].reverse().find((one) => one.phase === "waiting") : find(id);
      if (item?.phase !== "waiting") return null;
      stopTimer(item.id);
      remove(item.id);
      return item.id;
    },
    retry(id) {
      if (find(id)?.phase === "failed") void send(id, false);
    },
    dismiss(id) {
      if (find(id)?.phase === "failed") remove(id);
    },
    flush() {
      for (const item of items.get()) if (item.phase === "waiting") void send(item.id, true);
    },
  };
}
