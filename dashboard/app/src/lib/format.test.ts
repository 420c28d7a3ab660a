import { describe, expect, test } from "vitest";
import { ago, count, countdown, cut, duration, percent, plural, rate, short } from "./format";

describe("how it reads", () => {
  test.each([
    [0, "0"],
    [12_345, "12,345"],
    [1_234_567, "1.2M"],
  ])("count %d", (n, text) => expect(count(n)).toBe(text));

  test.each([
    [999, "999"],
    [2_532, "2.5K"],
  ])("short %d", (n, text) => expect(short(n)).toBe(text));

  test.each([
    [4.04, "4"],
    [4.16, "4.2"],
    [1234.5, "1,235"],
  ])("rate %d", (n, text) => expect(rate(n)).toBe(text));

  test.each([
    [0, "0 %"],
    [0.034, "3.4 %"],
    [0.5, "50 %"],
    [1, "100 %"],
  ])("share %d", (n, text) => expect(percent(n)).toBe(text));

  test.each([
    [0, "0 ms"],
    [0.17, "under 1 ms"],
    [850, "850 ms"],
    [4_240, "4.2 s"],
    [59_400, "59 s"],
    [60_000, "1 min"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [90_000_000, "1 d 1 h"],
    [-5, "0 ms"],
  ])("duration %d", (ms, text) => expect(duration(ms)).toBe(text));

  test.each([
    [-3_000, "now"],
    [1_400, "now"],
    [12_999, "12 s"],
    [61_000, "1 min"],
    [3_600_000, "1 h"],
    [172_800_000, "2 d"],
  ])("ago %d", (ms, text) => expect(ago(ms)).toBe(text));

  test.each([
    [60_000, "1:00"],
    [59_001, "1:00"],
    [9_000, "0:09"],
    [1, "0:01"],
    [0, "0:00"],
    [-10, "0:00"],
  ])("left %d", (ms, text) => expect(countdown(ms)).toBe(text));

  test("plural", () => expect([plural(1, "user"), plural(2, "user")]).toEqual(["1 user", "2 users"]));
});

test("cutting says so and splits no character", () => {
  expect(cut("abc", 3)).toBe("abc");
  expect(cut("abcd", 3)).toBe("abc…");
  expect(cut("ab😀d", 3)).toBe("ab…");
});
