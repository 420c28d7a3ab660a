import { describe, expect, test } from "vitest";
import { HOME, parsePlace, patternsPath, searchOf, type Place } from "./url";

describe("the address", () => {
  test("of the front page is empty", () => {
    expect(searchOf(HOME)).toBe("");
    expect(parsePlace("")).toEqual(HOME);
  });

  const places: [string, Partial<Place>][] = [
    ["a view", { view: "pipeline" }],
    ["every filter", { type: "rage-click", severity: "high", state: "open", page: "/a b?c#d&e=f", user: "ann+bob@x", q: "50 % off" }],
    ["an opened pattern", { opened: { kind: "pattern", id: "c388cd695fea87b0c14056635426e414" } }],
    ["an opened user with a hostile name", { opened: { kind: "user", id: '"><script>alert(1)</script>\u202e&view=pages' } }],
  ];
  test.each(places)("keeps %s", (_name, part) => {
    const place = { ...HOME, ...part };
    expect(parsePlace(searchOf(place))).toEqual(place);
  });

  test("drops what it does not know", () => {
    expect(parsePlace("?view=nowhere&type=sadness&severity=extreme&state=maybe&x=1")).toEqual(HOME);
  });

  test("cuts endless text", () => {
    expect(parsePlace(`?q=${"x".repeat(10_000)}`).q).toHaveLength(2048);
  });
});

test("a filter becomes the call of the API", () => {
  expect(patternsPath({ ...HOME, state: "open", page: "/a&b", q: "  slow " }, 50, "12:ab")).toBe(
    "/api/patterns?limit=50&resolved=false&page=%2Fa%26b&q=slow&before=12%3Aab",
  );
});
