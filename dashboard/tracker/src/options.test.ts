import { describe, expect, it } from "vitest";
import { isStable } from "./element";
import { readOptions } from "./options";

const script = "https://lens.example:8443/tracker.js?v=1";

describe("options", () => {
  it("without any, batches go to the host that serves the script", () => {
    expect(readOptions({}, script, {})).toEqual({
      endpoint: "https://lens.example:8443/events/batch",
      key: "",
      base: "",
      hash: false,
      userId: "",
      full: true,
      silent: false,
    });
  });
  it("all of them", () => {
    const data = { endpoint: "/in", key: "k", base: "/shop/", hash: "", userId: "u".repeat(200) };
    expect(readOptions(data, script, {})).toMatchObject({ endpoint: "https://lens.example:8443/in", key: "k", base: "/shop", hash: true, userId: "u".repeat(128) });
  });

  const gpc = { globalPrivacyControl: true };
  const dnt = { doNotTrack: "1" };
  it.each([
    ["no signal, no setting", undefined, {}, [true, false]],
    ["no signal, silent", "silent", { doNotTrack: "0", globalPrivacyControl: false }, [true, false]],
    ["GPC means minimal", undefined, gpc, [false, false]],
    ["DNT means minimal", undefined, dnt, [false, false]],
    ["GPC, a setting nobody knows: minimal", "loud", gpc, [false, false]],
    ["GPC, silent", "silent", gpc, [false, true]],
    ["DNT, silent", "silent", dnt, [false, true]],
    ["GPC, ignore", "ignore", gpc, [true, false]],
  ])("privacy: %s", (_, privacy, signals, wanted) => {
    const { full, silent } = readOptions({ privacy }, script, signals);
    expect([full, silent]).toEqual(wanted);
  });
});

it.each([
  ["buy", true],
  ["add-to-cart", true],
  ["step2", true],
  [":r1:", false],
  ["ember1234", false],
  ["a3f8c91b", false],
  ["facade", true],
  ["", false],
])("the id %j is stable: %s", (id, wanted) => {
  expect(isStable(id)).toBe(wanted);
});
