// What is looked at, as an address: view, filters, text searched and what is opened. Whoever gets the link sees
// the same. Values that are unknown are dropped in silence: an old link still opens.
import type { PatternType, Severity } from "../api/types";
import { TYPES } from "../lib/types-table";

export const VIEWS = ["live", "users", "events", "pages", "pipeline"] as const;
export type View = (typeof VIEWS)[number];
export type ResolvedFilter = "open" | "resolved";
export type Opened = { kind: "pattern" | "user"; id: string };

export interface Filter {
  type: PatternType | null;
  severity: Severity | null;
  state: ResolvedFilter | null;
  page: string | null;
  user: string | null;
  q: string;
}

export interface Place extends Filter {
  view: View;
  opened: Opened | null;
}

export const NO_FILTER: Filter = { type: null, severity: null, state: null, page: null, user: null, q: "" };
export const HOME: Place = { view: "live", opened: null, ...NO_FILTER };

const TEXT_MAX = 2048;

function oneOf<T extends string>(value: string | null, known: readonly T[]): T | null {
  return known.find((one) => one === value) ?? null;
}

function text(value: string | null): string | null {
  return value ? value.slice(0, TEXT_MAX) : null;
}

function openedOf(params: URLSearchParams): Opened | null {
  const pattern = text(params.get("pattern"));
  const person = text(params.get("person"));
  if (pattern) return { kind: "pattern", id: pattern };
  return person ? { kind: "user", id: person } : null;
}

export function parsePlace(search: string): Place {
  const params = new URLSearchParams(search);
  return {
    view: oneOf(params.get("view"), VIEWS) ?? "live",
    type: oneOf(params.get("type"), TYPES.map((t) => t.type)),
    severity: oneOf(params.get("severity"), ["high", "medium", "low"]),
    state: oneOf(params.get("state"), ["open", "resolved"]),
    page: text(params.get("page")),
    user: text(params.get("user")),
    q: text(params.get("q")) ?? "",
    opened: openedOf(params),
  };
}

/** "" for the front page, so that its address stays clean. */
export function searchOf(place: Place): string {
  const params = new URLSearchParams();
  const put = (name: string, value: string | null) => value && params.set(name, value);
  put("view", place.view === "live" ? null : place.view);
  put("type", place.type);
  put("severity", place.severity);
  put("state", place.state);
  put("page", place.page);
  put("user", place.user);
  put("q", place.q);
  if (place.opened) put(place.opened.kind === "user" ? "person" : "pattern", place.opened.id);
  const search = params.toString();
  return search ? `?${search}` : "";
}

export function filterOf(place: Place): Filter {
  const { type, severity, state, page, user, q } = place;
  return { type, severity, state, page, user, q };
}

export function isFiltered(filter: Filter): boolean {
  return Boolean(filter.type || filter.severity || filter.state || filter.page || filter.user || filter.q);
}

/** The call that answers this filter. */
export function patternsPath(filter: Filter, limit: number, before?: string): string {
  const params = new URLSearchParams({ limit: String(limit) });
  if (filter.type) params.set("type", filter.type);
  if (filter.severity) params.set("severity", filter.severity);
  if (filter.state) params.set("resolved", String(filter.state === "resolved"));
  if (filter.page) params.set("page", filter.page);
  if (filter.user) params.set("user_id", filter.user);
  if (filter.q.trim()) params.set("q", filter.q.trim());
  if (before) params.set("before", before);
  return `/api/patterns?${params.toString()}`;
}
