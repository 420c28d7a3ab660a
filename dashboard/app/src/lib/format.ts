// How numbers and times read, everywhere alike. English, as the sentences are; times are the reader's own.
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function count(n: number): string {
  return Math.abs(n) < 100_000 ? whole.format(n) : compact.format(n);
}

/** Where there is little room: "2.5K" from a thousand on. */
export function short(n: number): string {
  return Math.abs(n) < 1_000 ? whole.format(n) : compact.format(n);
}

export function rate(n: number): string {
  return n < 100 ? one.format(n) : count(n);
}

export function percent(share: number): string {
  const n = share * 100;
  return `${Math.abs(n) < 10 && n !== 0 ? one.format(n) : whole.format(n)} %`;
}

export function clockTime(ms: number): string {
  return clock.format(ms);
}

/** With the day, where it may not be today. */
export function dateTime(ms: number): string {
  return day.format(ms);
}

/** A length of time in its one or two largest units: "850 ms", "4.2 s", "3 min 20 s", "2 h 5 min". */
export function duration(ms: number): string {
  const t = Math.max(0, ms);
  if (t > 0 && t < 1) return "under 1 ms";
  if (t < SECOND) return `${Math.round(t)} ms`;
  if (t < 10 * SECOND) return `${one.format(t / SECOND)} s`;
  if (t < MINUTE) return `${Math.round(t / SECOND)} s`;
  if (t < HOUR) return two(t, MINUTE, "min", SECOND, "s");
  return t < DAY ? two(t, HOUR, "h", MINUTE, "min") : two(t, DAY, "d", HOUR, "h");
}

function two(t: number, large: number, name: string, small: number, smallName: string): string {
  const rest = Math.floor((t % large) / small);
  return `${Math.floor(t / large)} ${name}${rest ? ` ${rest} ${smallName}` : ""}`;
}

/** How long ago, in one unit: "now", "12 s", "3 min", "2 h", "5 d". */
export function ago(ms: number): string {
  if (ms < 1_500) return "now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  return ms < DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`;
}

/** Minutes and seconds that are left: "0:09". Counts down to 0:00 and no further. */
export function countdown(ms: number): string {
  const s = Math.ceil(Math.max(0, ms) / SECOND);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

export function plural(n: number, word: string): string {
  return `${count(n)} ${word}${n === 1 ? "" : "s"}`;
}

/** Cut for showing; a cut text says so. Never splits a surrogate pair. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]$/.test(text.slice(0, max)) ? max - 1 : max;
  return `${text.slice(0, end)}…`;
}
