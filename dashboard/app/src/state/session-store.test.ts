import { afterEach, expect, test } from "vitest";
import { askedForKey, isIn, mayChange, session, sessionOf } from "./session-store";

const who = (kind: "write" | "read" | "admin" | null) => ({ keys: true, kind, id: kind && `bl_${kind}`, name: "" });

afterEach(() => session.set({ phase: "asking", who: null }));

test.each([
  ["no keys", { keys: false, kind: null, id: null, name: null }, "open", true],
  ["keys, and none of ours", who(null), "needed", true],
  ["a write key, which opens nothing here", who("write"), "needed", true],
  ["a reader's", who("read"), "in", false],
  ["an admin's", who("admin"), "in", true],
] as const)("%s", (_, answer, phase, may) => {
  session.set(sessionOf(answer));
  expect(session.get().phase).toBe(phase);
  expect(mayChange()).toBe(may);
  expect(isIn()).toBe(phase !== "needed");
});

test("who is refused has to log in, once however many calls are refused", () => {
  session.set(sessionOf(who("read")));
  askedForKey();
  const after = session.get();
  expect(after).toEqual({ phase: "needed", who: null });
  askedForKey();
  expect(session.get()).toBe(after);
});
