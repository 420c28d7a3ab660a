import { afterEach, expect, test } from "vitest";
import { makePattern } from "../lib/make-pattern.test-help";
import { OFFLINE_AFTER_MS } from "./connection";
import { signal } from "./link";
import { resolvePattern, undoQueue } from "./resolve";

const failing = (ms: number): void => signal({ type: "failed", at: Date.now() - ms, reason: "away" });
const waiting = (): number => undoQueue.items.get().length;

afterEach(() => {
  undoQueue.undo();
  signal({ type: "ok", at: Date.now() });
});

test("what is open is resolved, what is resolved is left alone", () => {
  resolvePattern(makePattern({ resolved: true }));
  expect(waiting()).toBe(0);
  resolvePattern(makePattern({}));
  expect(waiting()).toBe(1);
});

test("offline nothing is asked for; a single failure is not offline yet", () => {
  failing(OFFLINE_AFTER_MS);
  resolvePattern(makePattern({}));
  expect(waiting()).toBe(0);
  signal({ type: "ok", at: Date.now() });
  failing(0);
  resolvePattern(makePattern({}));
  expect(waiting()).toBe(1);
});
