import { expect, test } from "vitest";
import { countdownOf, stageName } from "./countdown";

const checkout = { started_at: 0, deadline: 100_000 };

test.each([
  ["just armed", 40_000, { leftMs: 60_000, part: 1, urgent: false, over: false }],
  ["half-way", 70_000, { leftMs: 30_000, part: 0.5, urgent: false, over: false }],
  ["urgent", 85_000, { leftMs: 15_000, part: 0.25, urgent: true, over: false }],
  ["over", 100_000, { leftMs: 0, part: 0, urgent: false, over: true }],
  ["long over", 999_000, { leftMs: 0, part: 0, urgent: false, over: true }],
  ["armed for longer than usual", 0, { leftMs: 100_000, part: 1, urgent: false, over: false }],
])("%s", (_name, now, expected) => {
  expect(countdownOf(checkout, now)).toEqual(expected);
});

test("stages have names", () => expect([1, 2, 3, 9].map(stageName)).toEqual(["cart", "checkout", "payment", "checkout"]));
