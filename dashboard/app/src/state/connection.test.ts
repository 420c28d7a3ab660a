import { describe, expect, test } from "vitest";
import { next, OFFLINE_AFTER_MS, type Phase, phaseOf, type Signal, START } from "./connection";

const ok = (at: number): Signal => ({ type: "ok", at });
const failed = (at: number): Signal => ({ type: "failed", at, reason: "no" });
const stream = (state: "off" | "opening" | "open" | "broken", at = 0): Signal => ({ type: "stream", state, at });

const stories: [string, Signal[], number, Phase][] = [
  ["nothing heard yet", [], 0, "connecting"],
  ["an answer", [ok(1)], 2, "polling"],
  ["the stream opens", [ok(1), stream("opening"), stream("open", 2)], 3, "live"],
  ["the stream is being opened: polls go on", [ok(1), stream("opening")], 3, "polling"],
  ["the stream breaks while polls work", [ok(1), stream("open", 2), stream("broken"), ok(3)], 4, "reconnecting"],
  ["the stream is switched off", [ok(1), stream("open", 2), stream("off")], 4, "polling"],
  ["one failure", [ok(1), failed(2)], 3, "reconnecting"],
  ["failures for long enough", [ok(1), failed(2), failed(9)], 2 + OFFLINE_AFTER_MS, "offline"],
  ["an answer after a failure", [ok(1), failed(2), ok(3)], 9e9, "polling"],
  ["failures from the start", [failed(0)], OFFLINE_AFTER_MS, "offline"],
  ["paused", [ok(1), failed(2), { type: "paused", paused: true }], 9e9, "paused"],
  ["resumed", [ok(1), { type: "paused", paused: true }, { type: "paused", paused: false }], 2, "polling"],
];

describe("the connection", () => {
  test.each(stories)("%s", (_name, signals, at, phase) => {
    expect(phaseOf(signals.reduce(next, START), at)).toBe(phase);
  });

  test("offline counts from the last good answer", () => {
    const c = [ok(100), failed(200), failed(5_000)].reduce(next, START);
    expect(c.lastOkAt).toBe(100);
    expect(c.failingSince).toBe(200);
    expect(c.reason).toBe("no");
  });
});
