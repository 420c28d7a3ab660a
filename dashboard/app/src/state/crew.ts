// Who came and went since this page was opened, whichever view is on the screen while it is asked for.
import { useEffect } from "react";
import type { Partition, Worker } from "../api/types";
import { createStore, useStore } from "../lib/store";
import { type Crew, crewOf, type Happening, happenings, logged } from "../lib/workers-log";

const log = createStore<readonly Happening[]>([]);
let known: Crew | null = null;

export function useCrewLog(workers: readonly Worker[] | undefined, partitions: readonly Partition[] | undefined): readonly Happening[] {
  useEffect(() => {
    if (!workers || !partitions) return; // not answered yet
    const now = crewOf(workers, partitions);
    const before = known;
    known = now;
    if (before) log.set((old) => logged(old, happenings(before, now, Date.now())));
  }, [workers, partitions]);
  return useStore(log);
}
