import { expect, test } from "vitest";
import { withoutTurning } from "./turning";

test.each([
  ["plain text", "/cart", "/cart"],
  ["an override", "a\u202Eb\u202C", "a\\u202eb\\u202c"],
  ["an isolate", "\u2067x\u2069", "\\u2067x\\u2069"],
  ["Hebrew, emoji made of several", "שלום 👩‍👧", "שלום 👩‍👧"],
])("%s", (_name, text, shown) => expect(withoutTurning(text)).toBe(shown));
