import { expect, it } from "vitest";
import { doneTasks, tasks } from "./guide";
import type { Pattern } from "./patterns";

const pattern = (type: string, more: Partial<Pattern> = {}): Pattern => ({
  pattern_id: type,
  type,
  severity: "low",
  page: "/",
  explanation: "",
  detected_at: 0,
  resolved: false,
  resolution: null,
  ...more,
});

it("has a task for each type of pattern", () => {
  const types = "hesitation navigation-loop abandonment rage-click dead-click error-click form-abandonment quick-back".split(" ");
  for (const type of types) expect([...doneTasks([pattern(type)])]).toEqual([type]);
  expect(tasks.length).toBe(types.length + 1);
});

it("a purchase ticks when it resolved an abandonment, and not when time did", () => {
  expect(doneTasks([pattern("abandonment", { resolved: true, resolution: "completion" })])).toContain("completion");
  expect(doneTasks([pattern("navigation-loop", { resolved: true, resolution: "completion" })])).not.toContain("completion");
  expect(doneTasks([pattern("abandonment", { resolved: true, resolution: "manual" })])).not.toContain("completion");
});
