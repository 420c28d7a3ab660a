import { describe, expect, test } from "vitest";
import { stepFrom } from "../state/selection";
import { KEYS, press } from "./keys";

describe("keys", () => {
  test("no two mean the same", () => {
    expect(new Set(KEYS.map((k) => k.keys)).size).toBe(KEYS.length);
    expect(new Set(KEYS.map((k) => k.deed)).size).toBe(KEYS.length);
  });

  test("no key is hidden behind the beginning of a sequence", () => {
    for (const { keys } of KEYS) expect(KEYS.filter((k) => k.keys.startsWith(`${keys} `))).toEqual([]);
  });

  test.each([
    ["", "j", { deed: "down", pending: "" }],
    ["", "g", { deed: null, pending: "g" }],
    ["g", "p", { deed: "pages-view", pending: "" }],
    ["g", "j", { deed: "down", pending: "" }],
    ["g", "g", { deed: null, pending: "g" }],
    ["", "z", { deed: null, pending: "" }],
  ])("after %j, %j", (pending, key, expected) => expect(press(pending, key)).toEqual(expected));
});

test.each([
  [[], null, 1, null],
  [["a", "b"], null, 1, "a"],
  [["a", "b"], "a", 1, "b"],
  [["a", "b"], "b", 1, "b"],
  [["a", "b"], "a", -1, "a"],
  [["a", "b"], "gone", -1, "a"],
] as const)("in %j from %j by %d", (ids, id, by, expected) => expect(stepFrom(ids, id, by)).toBe(expected));
