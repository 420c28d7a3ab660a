// The one table of keys. The help is made from it; what each does is in app-keys.ts, by the same names.
export type Deed =
  | "down" | "up" | "open" | "close" | "resolve" | "undo"
  | "search" | "live-view" | "users-view" | "events-view" | "pages-view" | "pipeline-view"
  | "pause" | "live" | "theme" | "help" | "clear";

export interface Key {
  keys: string;
  deed: Deed;
  says: string;
  group: "Move" | "Act" | "Go to" | "Switch";
}

export const KEYS: readonly Key[] = [
  { keys: "j", deed: "down", says: "next row", group: "Move" },
  { keys: "k", deed: "up", says: "row before", group: "Move" },
  { keys: "Enter", deed: "open", says: "open the row", group: "Move" },
  { keys: "Escape", deed: "close", says: "close what is open", group: "Move" },
  { keys: "r", deed: "resolve", says: "resolve the pattern", group: "Act" },
  { keys: "u", deed: "undo", says: "undo, within 5 s", group: "Act" },
  { keys: "/", deed: "search", says: "search", group: "Act" },
  { keys: "x", deed: "clear", says: "clear all filters", group: "Act" },
  { keys: "g l", deed: "live-view", says: "live patterns", group: "Go to" },
  { keys: "g s", deed: "users-view", says: "sessions", group: "Go to" },
  { keys: "g e", deed: "events-view", says: "events", group: "Go to" },
  { keys: "g p", deed: "pages-view", says: "pages", group: "Go to" },
  { keys: "g h", deed: "pipeline-view", says: "pipeline health", group: "Go to" },
  { keys: "p", deed: "pause", says: "pause and go on", group: "Switch" },
  { keys: "l", deed: "live", says: "live stream on and off", group: "Switch" },
  { keys: "t", deed: "theme", says: "theme: system, light, dark", group: "Switch" },
  { keys: "?", deed: "help", says: "show these keys", group: "Switch" },
];

export const SEQUENCE_MS = 1_200;

export interface Pressed {
  deed: Deed | null;
  /** The first half of a sequence, waiting for the second. */
  pending: string;
}

/** What a key means after `pending`, by the table. */
export function press(pending: string, key: string): Pressed {
  const sequence = pending ? `${pending} ${key}` : key;
  const hit = KEYS.find((one) => one.keys === sequence);
  if (hit) return { deed: hit.deed, pending: "" };
  if (KEYS.some((one) => one.keys.startsWith(`${sequence} `))) return { deed: null, pending: sequence };
  return pending ? press("", key) : { deed: null, pending: "" };
}

export function keyOf(deed: Deed): string {
  return KEYS.find((one) => one.deed === deed)?.keys ?? "";
}
