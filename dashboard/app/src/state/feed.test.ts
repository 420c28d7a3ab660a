import { describe, expect, test } from "vitest";
import { makePattern } from "../lib/make-pattern.test-help";
import { EMPTY_FEED, FEED_MAX, type Feed, matches, mergeBelow, mergeNewest, mergeOlder, mergeOne, without } from "./feed";
import { NO_FILTER } from "./url";

const at = (...times: number[]) => times.map((t) => makePattern({ detected_at: t }));
const feedOf = (rows: ReturnType<typeof at>, complete = false): Feed => ({ rows, complete });
const times = (feed: Feed) => feed.rows.map((row) => row.detected_at);

describe("an erased user's patterns", () => {
  test("leave the feed, and nothing else does", () => {
    const feed = feedOf(at(5, 3, 1), true);
    const left = without(feed, new Set([feed.rows[1]!.pattern_id]));
    expect(times(left)).toEqual([5, 1]);
    expect(left.complete).toBe(true);
  });

  test("that are not in it change nothing", () => {
    const feed = feedOf(at(5, 3));
    expect(without(feed, new Set(["gone"]))).toBe(feed);
  });
});

describe("a poll", () => {
  test("fills an empty feed, newest first, each once", () => {
    const feed = mergeNewest(EMPTY_FEED, at(1, 3, 2, 3), 10);
    expect(times(feed)).toEqual([3, 2, 1]);
    expect(feed.complete).toBe(true);
  });

  test("that brings nothing new gives back the same feed", () => {
    const feed = mergeNewest(EMPTY_FEED, at(3, 2, 1), 10);
    expect(mergeNewest(feed, at(3, 2, 1), 10)).toBe(feed);
  });

  test("keeps the identity of rows that did not change", () => {
    const feed = mergeNewest(EMPTY_FEED, at(2, 1), 10);
    const raised = makePattern({ detected_at: 2, severity: "high", updated_at: 9 });
    const after = mergeNewest(feed, [raised, ...at(1)], 10);
    expect(after.rows[0]).toBe(raised);
    expect(after.rows[1]).toBe(feed.rows[1]);
  });

  test("keeps older pages below what it covers", () => {
    expect(times(mergeNewest(feedOf(at(4, 3, 2, 1)), at(5, 4, 3), 3))).toEqual([5, 4, 3, 2, 1]);
  });

  test("takes out what it covers and does not name", () => {
    expect(times(mergeNewest(feedOf(at(4, 3, 2, 1)), at(4, 2), 2))).toEqual([4, 2, 1]);
  });

  test("that does not reach down to what is known starts anew: no hole", () => {
    const feed = mergeNewest(feedOf(at(2, 1), true), at(9, 8), 2);
    expect(times(feed)).toEqual([9, 8]);
    expect(feed.complete).toBe(false);
  });

  test("orders equal times by id, as the API does", () => {
    const a = makePattern({ detected_at: 1, pattern_id: "a" });
    const b = makePattern({ detected_at: 1, pattern_id: "b" });
    expect(mergeNewest(EMPTY_FEED, [a, b], 10).rows).toEqual([b, a]);
  });
});

describe("an older page", () => {
  test("goes below, without what is there already", () => {
    const feed = mergeOlder(feedOf(at(5, 4)), at(4, 3, 2), 3);
    expect(times(feed)).toEqual([5, 4, 3, 2]);
    expect(feed.complete).toBe(false);
  });

  test("shorter than asked for is the last", () => {
    expect(mergeOlder(feedOf(at(5)), at(4), 3).complete).toBe(true);
  });

  test("never grows the feed beyond its bound", () => {
    const many = Array.from({ length: FEED_MAX }, (_, i) => makePattern({ detected_at: 20_000 - i }));
    const feed = mergeOlder(feedOf(many), at(2, 1), 2);
    expect(feed.rows).toHaveLength(FEED_MAX);
  });
});

describe("what is shown further down", () => {
  const feed = feedOf(at(9, 8, 7, 6, 5, 4));
  const above = makePattern({ detected_at: 8 });

  test("is replaced, and what is above and below stays", () => {
    const resolved = makePattern({ detected_at: 7, resolved: true });
    const after = mergeBelow(feed, above, [resolved, ...at(6)], 2);
    expect(times(after)).toEqual([9, 8, 7, 6, 5, 4]);
    expect(after.rows[2]).toBe(resolved);
    expect(after.rows[3]).toBe(feed.rows[3]);
  });

  test("gives back the same feed when nothing changed", () => expect(mergeBelow(feed, above, at(7, 6), 2)).toBe(feed));
  test("loses what is no longer there", () => expect(times(mergeBelow(feed, above, at(7, 5), 2))).toEqual([9, 8, 7, 5, 4]));
  test("ends where the server's list ends", () => expect(mergeBelow(feed, above, at(7), 2)).toMatchObject({ complete: true, rows: { length: 3 } }));
  test("is nobody's when the feed began anew", () => expect(mergeBelow(feedOf(at(20)), above, at(7, 6), 2).rows).toHaveLength(1));
});

describe("a single change", () => {
  test("comes in at its place", () => {
    expect(times(mergeOne(feedOf(at(5, 3, 1)), makePattern({ detected_at: 4 }), true))).toEqual([5, 4, 3, 1]);
  });

  test("replaces the row it is about", () => {
    const resolved = makePattern({ detected_at: 3, resolved: true });
    expect(mergeOne(feedOf(at(5, 3)), resolved, true).rows[1]).toBe(resolved);
  });

  test("takes the row out when it no longer fits the filter", () => {
    expect(times(mergeOne(feedOf(at(5, 3)), makePattern({ detected_at: 3 }), false))).toEqual([5]);
  });

  test("told twice is told once", () => {
    const feed = feedOf(at(5, 3));
    expect(mergeOne(feed, makePattern({ detected_at: 3 }), true)).toBe(feed);
  });

  test("older than the part held is left to the next page", () => {
    const feed = feedOf(at(5, 3));
    expect(mergeOne(feed, makePattern({ detected_at: 1 }), true)).toBe(feed);
    expect(times(mergeOne(feedOf(at(5, 3), true), makePattern({ detected_at: 1 }), true))).toEqual([5, 3, 1]);
  });
});

test.each([
  ["everything", {}, true],
  ["its type", { type: "hesitation" as const }, true],
  ["another type", { type: "abandonment" as const }, false],
  ["open", { state: "open" as const }, true],
  ["resolved", { state: "resolved" as const }, false],
  ["its page", { page: "/pricing" }, true],
  ["a part of its page", { page: "/pri" }, false],
  ["text of its sentence, in any case", { q: " PAUSED" }, true],
  ["text it does not have", { q: "angry" }, false],
  ["another user", { user: "bob" }, false],
])("a pattern from the stream against a filter for %s", (_name, part, expected) => {
  expect(matches({ ...NO_FILTER, ...part }, makePattern())).toBe(expected);
});
