// The figures at the top: value, the last hour as a line, and the change against the time before. One row of the
// table each. The lines are made of whole minutes; the running one would always look like a fall.
import type { HistoryMinute, Metrics } from "../api/types";
import { count, percent, rate, short } from "./format";

export interface Change {
  text: string;
  /** Said by a screen reader, and on hover. */
  full: string;
  direction: "up" | "down" | "flat";
}

export interface Tile {
  key: string;
  label: string;
  hint: string;
  value: string;
  line: readonly number[];
  change: Change | null;
}

interface TileRow {
  key: string;
  label: string;
  hint: string;
  value: (m: Metrics) => string;
  line: (m: Metrics, minutes: readonly HistoryMinute[]) => number[];
  change: (line: readonly number[], minutes: readonly HistoryMinute[]) => Change | null;
}

const SPAN = 5; // minutes compared with the SPAN minutes before

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const direction = (n: number): Change["direction"] => (n > 0 ? "up" : n < 0 ? "down" : "flat");
const signed = (n: number, text: string) => (n > 0 ? `+${text}` : n < 0 ? `−${text}` : text);

/** The sum of the last SPAN values against that of the SPAN before, in percent. */
export function share(line: readonly number[]): Change | null {
  if (line.length < 2 * SPAN) return null;
  const now = sum(line.slice(-SPAN));
  const before = sum(line.slice(-2 * SPAN, -SPAN));
  if (before === 0) return null;
  const part = (now - before) / before;
  const text = Math.abs(part) >= 10 ? `×${count(Math.round(part + 1))}` : signed(Math.round(part * 100), percent(Math.abs(Math.round(part * 100)) / 100));
  return { text, full: `${text} in the last ${SPAN} minutes, against the ${SPAN} before`, direction: direction(Math.round(part * 100)) };
}

/** The last value against the one SPAN minutes earlier. */
function difference(line: readonly number[]): Change | null {
  const now = line.at(-1);
  const before = line.at(-1 - SPAN);
  if (now === undefined || before === undefined) return null;
  const size = Math.abs(now - before);
  return { text: signed(now - before, short(size)), full: `${signed(now - before, count(size))} in ${SPAN} minutes`, direction: direction(now - before) };
}

/** Backward from a total that is known now, by what each minute added. */
export function backward(total: number, added: readonly number[]): number[] {
  const line: number[] = [];
  let value = total;
  for (let i = added.length - 1; i >= 0; i--) {
    line.unshift(Math.max(0, value));
    value -= added[i] ?? 0;
  }
  return line;
}

const attempts = (minutes: readonly HistoryMinute[]) => {
  const lost = sum(minutes.map((m) => m.attempts_abandoned));
  const all = lost + sum(minutes.map((m) => m.attempts_completed));
  return all === 0 ? null : lost / all;
};

/** Abandoned of all finished attempts in the SPAN minutes up to each minute; the last known where none finished. */
export function abandonmentLine(minutes: readonly HistoryMinute[]): number[] {
  let last = 0;
  return minutes.map((_, i) => {
    last = attempts(minutes.slice(Math.max(0, i + 1 - SPAN), i + 1)) ?? last;
    return last;
  });
}

function abandonmentChange(_line: readonly number[], minutes: readonly HistoryMinute[]): Change | null {
  const now = attempts(minutes.slice(-15));
  const before = attempts(minutes.slice(-30, -15));
  if (now === null || before === null) return null;
  const points = Math.round((now - before) * 100);
  const text = signed(points, `${Math.abs(points)} pts`);
  return { text, full: `${text} in the last 15 minutes, against the 15 before`, direction: direction(points) };
}

const ROWS: readonly TileRow[] = [
  {
    key: "rate",
    label: "Events per second",
    hint: "over the last 10 s",
    value: (m) => rate(m.events_per_second),
    line: (_, minutes) => minutes.map((x) => x.events / 60),
    change: share,
  },
  {
    key: "total",
    label: "Events in total",
    hint: "that took effect, ever",
    value: (m) => count(m.total_events),
    line: (m, minutes) => backward(m.total_events, minutes.map((x) => x.events)),
    change: difference,
  },
  {
    key: "active",
    label: "Active users",
    hint: "seen in the last 60 s",
    value: (m) => count(m.active_users),
    line: (_, minutes) => minutes.map((x) => x.active_users),
    change: share,
  },
  {
    key: "detected",
    label: "Patterns detected",
    hint: "ever; the line is per minute",
    value: (m) => count(m.patterns_detected),
    line: (_, minutes) => minutes.map((x) => x.patterns_detected),
    change: share,
  },
  {
    key: "open",
    label: "Open patterns",
    hint: "not resolved yet",
    value: (m) => count(m.open_patterns),
    line: (m, minutes) => backward(m.open_patterns, minutes.map((x) => x.patterns_detected - x.patterns_resolved)),
    change: difference,
  },
  {
    key: "abandonment",
    label: "Abandonment rate",
    hint: "of all finished checkout attempts",
    value: (m) => percent(m.abandonment_rate),
    line: (_, minutes) => abandonmentLine(minutes),
    change: abandonmentChange,
  },
];

/** Whole minutes, oldest first, from the first one in which anything happened. */
export function wholeMinutes(history: readonly HistoryMinute[]): HistoryMinute[] {
  const minutes = [...history].sort((a, b) => a.minute - b.minute).slice(0, -1);
  const first = minutes.findIndex((m) => m.events > 0 || m.patterns_detected > 0);
  return first < 0 ? [] : minutes.slice(first);
}

export function tilesOf(metrics: Metrics, history: readonly HistoryMinute[]): Tile[] {
  const minutes = wholeMinutes(history);
  return ROWS.map(({ key, label, hint, value, line, change }) => {
    const points = line(metrics, minutes);
    return { key, label, hint, value: value(metrics), line: points, change: change(points, minutes) };
  });
}

/** Is there a line to draw at all? In the first two minutes there is none, and no room is kept for six empty ones. */
export const hasLines = (tiles: readonly Tile[]): boolean => tiles.some(({ line }) => line.length > 1);

/** While nothing is known yet: the same tiles, so that nothing jumps. */
export const BLANK_TILES: readonly Tile[] = ROWS.map(({ key, label, hint }) => ({ key, label, hint, value: "–", line: [], change: null }));
