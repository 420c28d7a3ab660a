import { expect, test } from "vitest";
import { sparkPath } from "./spark";

test.each([
  ["nothing yet", [], "M0 27H100"],
  ["one value", [5], "M0 27H100"],
  ["a rise", [0, 1], "M0.0 27.0L100.0 2.0"],
  ["no change", [3, 3, 3], "M0.0 27.0L50.0 27.0L100.0 27.0"],
  ["no number", [1, Number.NaN], "M0 27H100"],
])("%s", (_name, values, path) => expect(sparkPath(values)).toBe(path));
