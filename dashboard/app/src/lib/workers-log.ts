// Workers come and go: what changed between two looks at /api/workers and /api/partitions, newest first, bounded.
import type { Partition, Worker } from "../api/types";

export interface Happening {
  at: number;
  what: "joined" | "left" | "took";
  who: string;
  partitions: readonly number[];
}

export interface Crew {
  workers: readonly string[];
  owners: ReadonlyMap<number, string | null>;
}

const LOG_MAX = 50;

export function crewOf(workers: readonly Worker[], partitions: readonly Partition[]): Crew {
  return { workers: workers.map((w) => w.worker), owners: new Map(partitions.map((p) => [p.partition, p.owner])) };
}

function taken(before: Crew, after: Crew): Map<string, number[]> {
  const by = new Map<string, number[]>();
  for (const [partition, owner] of after.owners) {
    if (owner && before.owners.get(partition) !== owner) by.set(owner, [...(by.get(owner) ?? []), partition]);
  }
  return by;
}

export function happenings(before: Crew, after: Crew, at: number): Happening[] {
  const none: number[] = [];
  const joined = after.workers.filter((w) => !before.workers.includes(w));
  const left = before.workers.filter((w) => !after.workers.includes(w));
  return [
    ...[...taken(before, after)].map(([who, partitions]): Happening => ({ at, what: "took", who, partitions })),
    ...left.map((who): Happening => ({ at, what: "left", who, partitions: none })),
    ...joined.map((who): Happening => ({ at, what: "joined", who, partitions: none })),
  ];
}

export function logged(log: readonly Happening[], more: readonly Happening[]): readonly Happening[] {
  return more.length ? [...more, ...log].slice(0, LOG_MAX) : log;
}
