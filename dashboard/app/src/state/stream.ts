// The live stream: GET /api/stream while it is wanted and nobody pauses. The browser reconnects by itself and
// resumes by Last-Event-ID; `reset` says that it was away too long, and everything is asked for anew.
import type { Metrics, Pattern, PatternChange } from "../api/types";
import { apiKey, PATHS } from "../api/queries";
import { feedThese, unfeed } from "./feed-store";
import { connection, queries, signal } from "./link";
import { liveWanted } from "./prefs";
import { isIn, session } from "./session-store";

const REOPEN_MS = 3_000; // after an answer that ends the browser's own retries (a 503, say)
const GATHER_MS = 50; // a burst is one change of the screen
const GATHER_MAX = 5_000; // more than that in one go: ask for everything instead

let source: EventSource | null = null;
let reopen: ReturnType<typeof setTimeout> | undefined;

function parsed<T>(event: MessageEvent): T | null {
  try {
    return JSON.parse(String(event.data)) as T;
  } catch {
    return null;
  }
}

function heard(state: "open"): void {
  signal({ type: "stream", state, at: Date.now() });
}

const gathered = new Map<string, Pattern>();
let gathering: ReturnType<typeof setTimeout> | undefined;
const erased = new Set<string>();
let erasing: ReturnType<typeof setTimeout> | undefined;

function onPattern(event: MessageEvent): void {
  heard("open");
  const change = parsed<PatternChange>(event);
  if (!change?.pattern || gathered.size >= GATHER_MAX) return;
  gathered.set(change.pattern.pattern_id, change.pattern); // the newest word on each
  gathering ??= setTimeout(takeGathered, GATHER_MS);
}

/** A user was erased: one of these for each pattern, all at once. What else spoke of the user is asked for anew. */
function onErased(event: MessageEvent): void {
  heard("open");
  const id = parsed<{ pattern_id?: string }>(event)?.pattern_id;
  if (!id) return;
  gathered.delete(id);
  erased.add(id);
  erasing ??= setTimeout(takeErased, GATHER_MS);
}

function takeErased(): void {
  unfeed(erased);
  for (const id of erased) queries.removeQueries({ queryKey: apiKey(PATHS.pattern(id)) });
  erased.clear();
  erasing = undefined;
  void queries.invalidateQueries();
}

function takeGathered(): void {
  const all = [...gathered.values()];
  gathered.clear();
  gathering = undefined;
  if (all.length >= GATHER_MAX) void queries.invalidateQueries();
  else takePatterns(all);
}

/** Patterns as they are now, whoever told: every list that may show them hears of them. */
export function takePatterns(patterns: readonly Pattern[]): void {
  feedThese(patterns);
  const pinned = queries.getQueryData<Pattern[]>(apiKey(PATHS.alert))?.[0]?.pattern_id;
  const asked = new Set<string>();
  for (const pattern of patterns) {
    const key = apiKey(PATHS.pattern(pattern.pattern_id));
    if (queries.getQueryData(key)) queries.setQueryData(key, pattern);
    asked.add(PATHS.userPatterns(pattern.user_id));
    if ((pattern.severity === "high" && !pattern.resolved) || pattern.pattern_id === pinned) asked.add(PATHS.alert);
  }
  for (const path of asked) void queries.invalidateQueries({ queryKey: apiKey(path) }, { cancelRefetch: false });
}

function onStats(event: MessageEvent): void {
  heard("open");
  const metrics = parsed<Metrics>(event);
  if (metrics && typeof metrics.total_events === "number") queries.setQueryData(apiKey(PATHS.metrics), metrics);
}

function onError(): void {
  signal({ type: "stream", state: "broken", at: Date.now() });
  if (source?.readyState !== EventSource.CLOSED) return; // it retries by itself
  source = null;
  clearTimeout(reopen);
  reopen = setTimeout(adjust, REOPEN_MS);
}

function openStream(): void {
  signal({ type: "stream", state: "opening", at: Date.now() });
  source = new EventSource("/api/stream");
  source.addEventListener("open", () => {
    heard("open");
    void queries.invalidateQueries(); // what happened before the stream began, or while it was away
  });
  source.addEventListener("pattern", onPattern);
  source.addEventListener("erased", onErased);
  source.addEventListener("stats", onStats);
  source.addEventListener("reset", () => {
    heard("open");
    void queries.invalidateQueries();
  });
  source.addEventListener("error", onError);
}

function adjust(): void {
  const wanted = liveWanted.get() && !connection.get().paused && isIn();
  if (wanted && !source) openStream();
  if (wanted || (!source && connection.get().stream === "off")) return;
  source?.close();
  source = null;
  clearTimeout(reopen);
  signal({ type: "stream", state: "off", at: Date.now() });
}

export function startStream(): void {
  let paused = connection.get().paused;
  liveWanted.subscribe(adjust);
  session.subscribe(adjust);
  connection.subscribe(() => {
    if (connection.get().paused === paused) return;
    paused = connection.get().paused;
    adjust();
    if (!paused) void queries.invalidateQueries();
  });
  adjust();
}
