// The last events of the tracker and how each fared, as the tracker itself announces it: queued, sent, to be sent again,
// given up. An event is named by its id, so that its state changes in place.
import type { Sent } from "../track";

export type State = "queued" | "sent" | "retry" | "dropped";
export interface Shown {
  event: Sent;
  state: State;
}

const SHOWN_MAX = 40;

/** The list, newest first, after the tracker has announced something. */
export function withNews(list: readonly Shown[], state: State, events: readonly Sent[]): Shown[] {
  const next = [...list];
  for (const event of events) {
    const at = next.findIndex((shown) => shown.event.event_id === event.event_id);
    if (at >= 0) next[at] = { event, state };
    else next.unshift({ event, state });
  }
  return next.slice(0, SHOWN_MAX);
}

/** What an event was about, in a few words. */
export function about({ metadata = {}, page }: Sent): string {
  const text = metadata["target"] ?? metadata["field"] ?? metadata["message"] ?? metadata["form"] ?? metadata["name"];
  if (typeof text === "string") return text;
  if (typeof metadata["duration_ms"] === "number") return `${Math.round(metadata["duration_ms"] / 1000)} s`;
  if (typeof metadata["depth"] === "number" && metadata["time_ms"] === undefined) return `${metadata["depth"]} %`;
  return page;
}

export function onTracker(tell: (state: State, events: Sent[]) => void): void {
  document.addEventListener("behaviorlens", (event) => {
    const { state, events } = (event as CustomEvent<{ state: State; events: Sent[] }>).detail;
    tell(state, events);
  });
}
