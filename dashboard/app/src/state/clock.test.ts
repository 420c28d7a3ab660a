import { expect, test } from "vitest";
import { skewOf } from "./clock";

test.each([
  ["clocks agree", 1_000_000, 1_000_400, 0],
  ["the header's whole seconds are no difference", 1_000_000, 1_001_900, 0],
  ["the reader's clock is a minute slow", 1_060_000, 1_000_500, 60_000],
  ["the reader's clock is a minute fast", 1_000_000, 1_060_500, -60_000],
])("%s", (_name, server, local, skew) => expect(skewOf(server, local)).toBe(skew));
