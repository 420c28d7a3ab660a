import { expect, test } from "vitest";
import { type Crew, happenings, logged } from "./workers-log";

const crew = (workers: string[], owners: (string | null)[]): Crew => ({ workers, owners: new Map(owners.map((o, p) => [p, o])) });

test.each([
  ["nothing", crew(["a"], ["a"]), crew(["a"], ["a"]), []],
  ["one joins and takes half", crew(["a"], ["a", "a"]), crew(["a", "b"], ["a", "b"]), ["took b 1", "joined b "]],
  ["one dies", crew(["a", "b"], ["a", "b"]), crew(["a"], ["a", null]), ["left b "]],
  ["its partitions find an owner", crew(["a"], ["a", null]), crew(["a"], ["a", "a"]), ["took a 1"]],
])("%s", (_name, before, after, expected) => {
  expect(happenings(before, after, 0).map((h) => `${h.what} ${h.who} ${h.partitions.join(",")}`)).toEqual(expected);
});

test("the log has a bound", () => {
  const many = Array.from({ length: 70 }, (_, at) => ({ at, what: "joined" as const, who: "a", partitions: [] }));
  expect(logged([], many)).toHaveLength(50);
  expect(logged(many, [])).toBe(many);
});
