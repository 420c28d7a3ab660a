// The address as a store: read from the bar, written to it. Going somewhere makes an entry in the history (back
// works); typing replaces the entry (back does not go letter by letter).
import { createStore, useStore } from "../lib/store";
import { HOME, type Opened, parsePlace, type Place, searchOf, type View } from "./url";

const store = createStore<Place>(typeof location === "undefined" ? HOME : parsePlace(location.search));

export function listenToHistory(): void {
  addEventListener("popstate", () => store.set(parsePlace(location.search)));
}

export function usePlace(): Place {
  return useStore(store);
}

export function currentPlace(): Place {
  return store.get();
}

export function hrefOf(place: Place): string {
  return location.pathname + searchOf(place);
}

export function go(part: Partial<Place>, how: "push" | "replace" = "push"): void {
  const place = { ...store.get(), ...part };
  const search = searchOf(place);
  if (search !== location.search) history[how === "push" ? "pushState" : "replaceState"](null, "", location.pathname + search);
  store.set(place);
}

export function open(opened: Opened | null): void {
  const now = store.get().opened;
  // Going from one opened thing to the next is one step: back closes, it does not leaf through.
  go({ opened }, now && opened ? "replace" : "push");
}

export const openPattern = (id: string): void => open({ kind: "pattern", id });
export const openUser = (id: string): void => open({ kind: "user", id });

/** Another view begins without the text searched in the last one. */
export function goView(view: View): void {
  go({ view, q: "", opened: null });
}

/** Narrow the feed to this, from wherever the reader is. */
export function narrow(part: Partial<Omit<Place, "view" | "opened">>): void {
  const now = store.get();
  const q = now.view === "live" ? now.q : "";
  go({ view: "live", q, ...(isNarrowScreen() ? { opened: null } : {}), ...part });
}

function isNarrowScreen(): boolean {
  return matchMedia("(max-width: 1099px)").matches;
}
