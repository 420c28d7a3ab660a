// The evidence as steps: events, the silences between them, and the moment of detection in its place.
import type { Evidence, Moment, Pattern } from "../api/types";
import { duration, plural } from "./format";

export type Step =
  | { kind: "event"; key: string; moment: Moment }
  | { kind: "gap"; at: number; ms: number }
  | { kind: "detected" }
  | { kind: "raised" };

const GAP_MIN_MS = 1_000;

export function stepsOf(pattern: Pick<Pattern, "detected_at" | "updated_at" | "evidence">): Step[] {
  const steps: Step[] = [];
  const events = [...pattern.evidence.events].sort((a, b) => a.t - b.t);
  let last: number | null = null;
  let detected = false;
  const gapTo = (t: number) => {
    if (last !== null && t - last >= GAP_MIN_MS) steps.push({ kind: "gap", at: t, ms: t - last });
    last = t;
  };
  const detect = () => {
    gapTo(pattern.detected_at);
    steps.push({ kind: "detected" });
    detected = true;
  };
  events.forEach((moment, i) => {
    if (!detected && moment.t > pattern.detected_at) detect();
    gapTo(moment.t);
    steps.push({ kind: "event", key: `${i} ${moment.t}`, moment });
  });
  if (!detected) detect();
  if (pattern.updated_at > pattern.detected_at) {
    gapTo(Math.max(pattern.updated_at, last ?? 0));
    steps.push({ kind: "raised" });
  }
  return steps;
}

/** Longer silences are longer, but an hour does not fill the screen. */
export function gapHeight(ms: number): number {
  return Math.round(Math.min(72, 8 + 10 * Math.log2(1 + ms / GAP_MIN_MS)));
}

interface Figure {
  key: keyof Evidence & string;
  label: string;
  text: (value: unknown) => string | null;
}

const asCount = (word: string) => (v: unknown) => (typeof v === "number" ? plural(v, word) : null);
const asDuration = (v: unknown) => (typeof v === "number" ? duration(v) : null);
const asText = (v: unknown) => (typeof v === "string" && v ? v : null);

/** The numbers behind the sentence: which are shown, and how. Events and times are on the line already. */
const FIGURES: readonly Figure[] = [
  { key: "idle_ms", label: "Paused for", text: asDuration },
  { key: "visits", label: "Came", text: (v) => (typeof v === "number" ? `${v} times` : null) },
  { key: "round_trips", label: "Went back and forth", text: (v) => (typeof v === "number" ? `${v} times` : null) },
  { key: "other_page", label: "Other page", text: asText },
  { key: "stage", label: "Stage reached", text: asText },
  { key: "elapsed_ms", label: "Time in the checkout", text: asDuration },
  { key: "clicks", label: "Clicked", text: asCount("click") },
  { key: "target", label: "Element", text: asText },
  { key: "form", label: "Form", text: asText },
];

export function figuresOf(evidence: Evidence): { label: string; text: string }[] {
  return FIGURES.flatMap(({ key, label, text }) => {
    const shown = text(evidence[key]);
    return shown === null ? [] : [{ label, text: shown }];
  });
}
