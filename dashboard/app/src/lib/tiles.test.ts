import { describe, expect, test } from "vitest";
import type { HistoryMinute, Metrics } from "../api/types";
import { abandonmentLine, backward, hasLines, share, tilesOf, wholeMinutes } from "./tiles";

const NONE = { hesitation: 0, "navigation-loop": 0, abandonment: 0, "rage-click": 0, "dead-click": 0, "error-click": 0, "form-abandonment": 0, "quick-back": 0 };

function minute(n: number, part: Partial<HistoryMinute> = {}): HistoryMinute {
  return { minute: n * 60_000, events: 60, active_users: 2, patterns_by_type: NONE, patterns_detected: 0, patterns_resolved: 0, attempts_completed: 0, attempts_abandoned: 0, ...part };
}

const metrics: Metrics = {
  total_events: 1_000, duplicates: 0, rejected: 0, unstored: 0, events_per_second: 1.5, active_users: 3, patterns_detected: 9,
  open_patterns: 4, patterns_by_type: NONE, patterns_by_severity: { low: 1, medium: 2, high: 1 }, abandonment_rate: 0.25, as_of: 0,
};

describe("the minutes", () => {
  test("come oldest first, without the running one and the silence before the first event", () => {
    const history = [minute(5), minute(4), minute(3), minute(2, { events: 0 })];
    expect(wholeMinutes(history).map((m) => m.minute / 60_000)).toEqual([3, 4]);
  });
});

describe("the change", () => {
  test("is the last five minutes against the five before", () => {
    expect(share([1, 1, 1, 1, 1, 2, 2, 2, 2, 2])).toMatchObject({ text: "+100 %", direction: "up" });
    expect(share([2, 2, 2, 2, 2, 1, 1, 1, 1, 1])).toMatchObject({ text: "−50 %", direction: "down" });
    expect(share([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])).toMatchObject({ text: "0 %", direction: "flat" });
  });

  test("is unknown without enough of a past, or with an empty one", () => {
    expect(share([1, 2, 3])).toBeNull();
    expect(share([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])).toBeNull();
  });
});

test("a total goes backward by what each minute added", () => {
  expect(backward(10, [1, 2, 3])).toEqual([5, 7, 10]);
  expect(backward(1, [5, 5])).toEqual([0, 1]);
});

test("abandonment is a share of what finished, and stays where nothing did", () => {
  const minutes = [minute(1, { attempts_abandoned: 1, attempts_completed: 1 }), ...[2, 3, 4, 5, 6].map((n) => minute(n))];
  expect(abandonmentLine(minutes)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
});

test("the open patterns' line ends at what is open now", () => {
  const history = [minute(4), minute(3, { patterns_detected: 1 }), minute(2, { patterns_detected: 2, patterns_resolved: 1 }), minute(1)];
  const open = tilesOf(metrics, history).find((tile) => tile.key === "open");
  expect(open?.value).toBe("4");
  expect(open?.line).toEqual([2, 3, 4]);
});

test("lines begin with the second whole minute", () => {
  expect(hasLines(tilesOf(metrics, []))).toBe(false);
  expect(hasLines(tilesOf(metrics, [minute(2), minute(1)]))).toBe(false);
  expect(hasLines(tilesOf(metrics, [minute(3), minute(2), minute(1)]))).toBe(true);
});
