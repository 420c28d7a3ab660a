import { expect, test } from "vitest";
import { windowOf } from "./window";

test.each([
  ["an empty list", 0, 600, 0, { first: 0, last: 0 }],
  ["the top", 0, 600, 10_000, { first: 0, last: 12 }],
  ["the middle", 6_000, 600, 10_000, { first: 98, last: 112 }],
  ["between two rows", 6_030, 600, 10_000, { first: 98, last: 113 }],
  ["the end", 599_400, 600, 10_000, { first: 9_988, last: 10_000 }],
  ["far below a list that has shrunk", 599_400, 600, 3, { first: 3, last: 3 }],
])("%s", (_name, top, height, count, expected) => {
  expect(windowOf(top, height, 60, count, 2)).toEqual(expected);
});
