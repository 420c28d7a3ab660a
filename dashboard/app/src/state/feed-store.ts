// The one feed on the screen: opened for a filter, fed by polls, older pages and the stream.
import { useEffect, useRef } from "react";
import { apiKey, useApi } from "../api/queries";
import type { Pattern } from "../api/types";
import { createStore, useStore } from "../lib/store";
import { cursorOf, EMPTY_FEED, type Feed, FEED_MAX, matches, mergeBelow, mergeNewest, mergeOlder, mergeOne, without } from "./feed";
import { client, queries } from "./link";
import { type Filter, NO_FILTER, patternsPath } from "./url";

const PAGE = 100;
const OLDER = 500;

interface Opened {
  path: string;
  filter: Filter;
  feed: Feed;
}

const store = createStore<Opened>({ path: "", filter: NO_FILTER, feed: EMPTY_FEED });
let loading = "";

function change(path: string, how: (feed: Feed) => Feed): void {
  store.set((now) => {
    if (now.path !== path) return now; // another filter meanwhile
    const feed = how(now.feed);
    return feed === now.feed ? now : { ...now, feed };
  });
}

/** Patterns as they are now: from the stream, or the answer to "resolve". */
export function feedThese(patterns: readonly Pattern[]): void {
  const { path, filter } = store.get();
  void queries.cancelQueries({ queryKey: apiKey(path) }); // a poll under way may know less than this
  change(path, (feed) => patterns.reduce((all, one) => mergeOne(all, one, matches(filter, one)), feed));
}

/** Patterns whose user was erased. */
export function unfeed(ids: ReadonlySet<string>): void {
  const { path } = store.get();
  void queries.cancelQueries({ queryKey: apiKey(path) });
  change(path, (feed) => without(feed, ids));
}

export async function loadOlder(): Promise<void> {
  const { path, filter, feed } = store.get();
  const last = feed.rows.at(-1);
  if (!last || feed.complete || feed.rows.length >= FEED_MAX || loading === path) return;
  loading = path;
  try {
    const page = await client.get<Pattern[]>(patternsPath(filter, OLDER, cursorOf(last)));
    change(path, (now) => mergeOlder(now, page, OLDER));
  } catch {
    // The connection state says so; scrolling on asks again.
  } finally {
    loading = "";
  }
}

export interface FeedView {
  feed: Feed;
  /** Nothing has been answered for this filter yet. */
  waiting: boolean;
  error: Error | null;
}

const FAR = 80; // rows: below that the poll of the newest tells all
const BEGIN = 20; // rows above the window where the poll of what is shown begins
const DRIFT = 50; // rows the window may move before it begins elsewhere

/** The row above what is shown, kept while the window stays near: a poll that moves with each row has no ETag. */
function useAbove(rows: readonly Pattern[], first: number): Pattern | null {
  const above = useRef<Pattern | null>(null);
  const id = above.current?.pattern_id;
  const at = id === undefined ? -1 : rows.findIndex((row) => row.pattern_id === id);
  if (first < FAR) above.current = null;
  else if (at < 0 || at > first || first - at > DRIFT) above.current = rows[first - BEGIN] ?? null;
  return above.current;
}

/** Rows that are shown further down are asked for as well: somebody else may resolve them. */
export function useShownFurtherDown(filter: Filter, rows: readonly Pattern[], first: number): void {
  const path = patternsPath(filter, PAGE);
  const above = useAbove(rows, first);
  const { data } = useApi<Pattern[]>(patternsPath(filter, PAGE, above ? cursorOf(above) : undefined), { streamed: true, enabled: above !== null });
  useEffect(() => {
    if (above && data) change(path, (feed) => mergeBelow(feed, above, data, PAGE));
  }, [path, above, data]);
}

export function useFeed(filter: Filter): FeedView {
  const path = patternsPath(filter, PAGE);
  const { data, error } = useApi<Pattern[]>(path, { streamed: true });
  const opened = useStore(store);

  useEffect(() => {
    store.set((now) => (now.path === path ? now : { path, filter, feed: EMPTY_FEED }));
    if (data) change(path, (feed) => mergeNewest(feed, data, PAGE));
  }, [path, data]); // `path` says all that `filter` does

  const current = opened.path === path;
  return { feed: current ? opened.feed : EMPTY_FEED, waiting: !data && !(current && opened.feed.rows.length > 0), error: data ? null : error };
}

export function feedRow(id: string): Pattern | undefined {
  return store.get().feed.rows.find((row) => row.pattern_id === id);
}
