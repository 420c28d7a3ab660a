// The feed: patterns newest first, each once, at most FEED_MAX of them, made from polls (the newest N), older
// pages (by cursor) and single changes (the live stream, an answer to "resolve").
//
// Invariants: sorted by detected_at, then pattern_id, both falling, as the API sorts; a row that did not change
// keeps its identity, and a merge that changes nothing gives back the very same feed; no hole: if a poll does not
// reach down to what is known, the older rows go (scrolling down fetches them again).
import type { Pattern } from "../api/types";
import type { Filter } from "./url";

export const FEED_MAX = 10_000;

export interface Feed {
  rows: readonly Pattern[];
  /** There is nothing older on the server. */
  complete: boolean;
}

export const EMPTY_FEED: Feed = { rows: [], complete: false };

export function compare(a: Pattern, b: Pattern): number {
  if (a.detected_at !== b.detected_at) return b.detected_at - a.detected_at;
  return a.pattern_id < b.pattern_id ? 1 : a.pattern_id > b.pattern_id ? -1 : 0;
}

export function cursorOf(pattern: Pattern): string {
  return `${pattern.detected_at}:${pattern.pattern_id}`;
}

function same(a: Pattern, b: Pattern): boolean {
  return (
    a === b ||
    (a.pattern_id === b.pattern_id &&
      a.updated_at === b.updated_at &&
      a.severity === b.severity &&
      a.resolved === b.resolved &&
      a.resolution === b.resolution &&
      a.explanation === b.explanation &&
      (a.ai_explanation ?? null) === (b.ai_explanation ?? null))
  );
}

function settle(before: Feed, rows: readonly Pattern[], complete: boolean): Feed {
  const kept = rows.length > FEED_MAX ? rows.slice(0, FEED_MAX) : rows;
  const unchanged = kept.length === before.rows.length && kept.every((row, i) => row === before.rows[i]);
  if (unchanged && before.complete === complete) return before;
  return { rows: unchanged ? before.rows : kept, complete };
}

function keepIdentity(before: Feed, incoming: readonly Pattern[]): Pattern[] {
  const known = new Map(before.rows.map((row) => [row.pattern_id, row]));
  const seen = new Set<string>();
  const rows: Pattern[] = [];
  for (const row of incoming) {
    if (seen.has(row.pattern_id)) continue;
    seen.add(row.pattern_id);
    const old = known.get(row.pattern_id);
    rows.push(old && same(old, row) ? old : row);
  }
  return rows.sort(compare);
}

/** A poll: the newest `limit` rows as they are now. What it covers and does not name is no longer in the feed. */
export function mergeNewest(before: Feed, page: readonly Pattern[], limit: number): Feed {
  const rows = keepIdentity(before, page);
  const last = rows.at(-1);
  if (rows.length < limit || !last) return settle(before, rows, true);
  const below = before.rows.filter((row) => compare(row, last) > 0);
  const top = before.rows[0];
  const hole = !top || compare(top, last) > 0;
  return hole ? settle(before, rows, false) : settle(before, rows.concat(below), before.complete);
}

/** An older page: what `before=cursorOf(last row)` answered. */
export function mergeOlder(before: Feed, page: readonly Pattern[], limit: number): Feed {
  const last = before.rows.at(-1);
  const rows = keepIdentity(before, page).filter((row) => !last || compare(row, last) > 0);
  return settle(before, before.rows.concat(rows), page.length < limit);
}

/** What is below `above` as it is now: what `before=cursorOf(above)` answered, for rows that are shown already. */
export function mergeBelow(before: Feed, above: Pattern, page: readonly Pattern[], limit: number): Feed {
  if (!before.rows.some((row) => row.pattern_id === above.pattern_id)) return before; // the feed began anew meanwhile
  const rows = keepIdentity(before, page).filter((row) => compare(row, above) > 0);
  const last = rows.at(-1);
  const head = before.rows.filter((row) => compare(row, above) <= 0);
  if (rows.length < limit || !last) return settle(before, head.concat(rows), true);
  return settle(before, head.concat(rows, before.rows.filter((row) => compare(row, last) > 0)), before.complete);
}

/** One pattern as it is now; `wanted` false takes it out. */
export function mergeOne(before: Feed, pattern: Pattern, wanted: boolean): Feed {
  const at = before.rows.findIndex((row) => row.pattern_id === pattern.pattern_id);
  const old = at < 0 ? undefined : before.rows[at];
  if (!wanted) return old ? settle(before, before.rows.filter((row) => row !== old), before.complete) : before;
  if (old) return same(old, pattern) ? before : settle(before, before.rows.map((row) => (row === old ? pattern : row)), before.complete);
  const last = before.rows.at(-1);
  if (last && !before.complete && compare(pattern, last) > 0) return before; // below the part we hold
  const place = before.rows.findIndex((row) => compare(pattern, row) < 0);
  const rows = before.rows.slice();
  rows.splice(place < 0 ? rows.length : place, 0, pattern);
  return settle(before, rows, before.complete);
}

/** Patterns that are gone with their user. */
export function without(before: Feed, ids: ReadonlySet<string>): Feed {
  const rows = before.rows.filter((row) => !ids.has(row.pattern_id));
  return rows.length === before.rows.length ? before : settle(before, rows, before.complete);
}

/** What the API's filter says, for patterns that come by the stream. */
export function matches(filter: Filter, pattern: Pattern): boolean {
  const q = filter.q.trim().toLowerCase();
  const text = () => `${pattern.user_id}\n${pattern.page ?? ""}\n${pattern.explanation}`.toLowerCase();
  return (
    (!filter.type || pattern.type === filter.type) &&
    (!filter.severity || pattern.severity === filter.severity) &&
    (!filter.state || pattern.resolved === (filter.state === "resolved")) &&
    (!filter.page || pattern.page === filter.page) &&
    (!filter.user || pattern.user_id === filter.user) &&
    (!q || text().includes(q))
  );
}
