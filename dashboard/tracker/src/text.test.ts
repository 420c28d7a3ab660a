import { describe, expect, it, vi } from "vitest";
import { cutBytes, redact, toJson, uuid } from "./text";

describe("text that leaves the page", () => {
  it("never holds half a character, and keeps whole ones", () => {
    const half = "\u{1f600}".slice(0, 1);
    expect(toJson({ a: `x${half}`, b: "\u{1f600}" })).toBe('{"a":"x\\ufffd","b":"\u{1f600}"}');
    expect(JSON.parse(toJson({ [half]: 1 }))).toEqual({ "\ufffd": 1 });
  });
  it("leaves a backslash that only looks like an escape alone", () => {
    expect(JSON.parse(toJson("\\ud83d \\\\ud83d"))).toBe("\\ud83d \\\\ud83d");
  });
  it("is cut by bytes, not by characters", () => {
    expect(cutBytes("äöü", 4)).toBe("äö");
    expect(cutBytes("abc", 200)).toBe("abc");
    expect(new TextEncoder().encode(cutBytes("€".repeat(300), 200)).length).toBeLessThanOrEqual(200);
  });
  it("loses what may be the visitor's", () => {
    expect(redact("GET https://x.example/a?token=abc failed")).toBe("GET https://x.example/a* failed");
    expect(redact('Unexpected token, "john doe" is not valid JSON')).toBe('Unexpected token, "*" is not valid JSON');
    expect(redact("no user ann@example.org (4111111111111111)")).toBe("no user * (*)");
    expect(redact("Cannot read properties of undefined (reading 'price')")).toBe("Cannot read properties of undefined (reading 'price')");
    expect(redact('cut in the "middle of')).toBe('cut in the "*"');
  });
  it("has ids without secure contexts too", () => {
    const random = <T extends ArrayBufferView>(array: T): T => {
      const part = array as unknown as Uint32Array;
      part.forEach((_, i) => (part[i] = Math.random() * 2 ** 32));
      return array;
    };
    vi.stubGlobal("crypto", { getRandomValues: random });
    const ids = new Set(Array.from({ length: 100 }, uuid));
    vi.unstubAllGlobals();
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[\w-]{8,64}$/);
  });
});
