import { describe, expect, test } from "vitest";
import type { Moment } from "../api/types";
import { figuresOf, gapHeight, stepsOf } from "./timeline";

const moment = (t: number): Moment => ({ action: "click", page: "/a", t });
const marks = { detected: "!", raised: "!!" };
const tell = (detected_at: number, updated_at: number, times: number[]) =>
  stepsOf({ detected_at, updated_at, evidence: { events: times.map(moment) } }).map((s) => (s.kind === "event" ? s.moment.t : s.kind === "gap" ? `gap ${s.ms}` : marks[s.kind]));
const told = (detected_at: number, ...times: number[]) => tell(detected_at, detected_at, times);

describe("the line", () => {
  test("ends with the detection, after the silence that made it", () => expect(told(12_000, 1_000, 2_000)).toEqual([1_000, "gap 1000", 2_000, "gap 10000", "!"]));
  test("shows no gap under a second", () => expect(told(1_500, 1_000, 1_400)).toEqual([1_000, 1_400, "!"]));
  test("puts what came later below the detection", () => expect(told(1_000, 900, 1_100)).toEqual([900, "!", 1_100]));
  test("sorts", () => expect(told(3, 2, 1)).toEqual([1, 2, "!"]));
  test("goes on to the moment it was raised", () => expect(tell(10_000, 30_000, [0])).toEqual([0, "gap 10000", "!", "gap 20000", "!!"]));
  test("can be empty", () => expect(told(5)).toEqual(["!"]));
});

test("gaps grow slower and slower, up to a bound", () => {
  expect(gapHeight(10_000)).toBeLessThan(gapHeight(60_000));
  expect(gapHeight(86_400_000)).toBe(72);
});

test("figures are those there are, in words", () => {
  expect(figuresOf({ events: [], idle_ms: 10_000, clicks: 4, target: "" })).toEqual([
    { label: "Paused for", text: "10 s" },
    { label: "Clicked", text: "4 clicks" },
  ]);
});
