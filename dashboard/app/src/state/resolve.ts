// The undo queue in this page's world.
import type { Pattern } from "../api/types";
import { PATHS } from "../api/queries";
import { typeLabel } from "../lib/types-table";
import { cut } from "../lib/format";
import { useStore } from "../lib/store";
import { client, isOffline, queries } from "./link";
import { mayChange } from "./session-store";
import { takePatterns } from "./stream";
import { createUndoQueue, type UndoItem } from "./undo";

export const undoQueue = createUndoQueue({
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  async send(id, leaving) {
    const answer = await client.patch<Pattern>(PATHS.resolve(id), leaving);
    if (typeof answer.detected_at === "number") takePatterns([answer]);
    void queries.invalidateQueries();
  },
});

export function resolvePattern(pattern: Pattern): void {
  if (!pattern.resolved && mayChange() && !isOffline()) undoQueue.add(pattern.pattern_id, `${typeLabel(pattern.type)} of ${cut(pattern.user_id, 40)}`);
}

export function useUndoItems(): readonly UndoItem[] {
  return useStore(undoQueue.items);
}

export function useIsResolving(id: string): boolean {
  return useUndoItems().some((item) => item.id === id && item.phase !== "failed");
}

export function sendOnLeaving(): void {
  addEventListener("pagehide", () => undoQueue.flush());
}
