// What each key of the table does in this page.
import { queries, togglePaused } from "../state/link";
import { apiKey, PATHS } from "../api/queries";
import type { Pattern } from "../api/types";
import { feedRow } from "../state/feed-store";
import { currentPlace, goView, open, openPattern } from "../state/place";
import { nextTheme, toggleLive } from "../state/prefs";
import { resolvePattern, undoQueue } from "../state/resolve";
import { openSelected, selectedId, step } from "../state/selection";
import { clearFilters } from "../ui/filters";
import { focusSearch } from "../ui/search-box";
import type { Deed } from "./keys";

/** The pattern that is opened, else the row selected. */
function patternAtHand(): Pattern | undefined {
  const { opened } = currentPlace();
  const id = opened?.kind === "pattern" ? opened.id : selectedId();
  if (id === null) return undefined;
  return queries.getQueryData<Pattern>(apiKey(PATHS.pattern(id))) ?? feedRow(id);
}

/** While a pattern is opened, j and k leaf through the feed. */
function move(by: 1 | -1): void {
  const id = step(by);
  const { view, opened } = currentPlace();
  if (id !== null && view === "live" && opened?.kind === "pattern") openPattern(id);
}

export function appDeeds(help: { toggle(): void; shown(): boolean }): Record<Deed, () => void> {
  return {
    down: () => move(1),
    up: () => move(-1),
    open: openSelected,
    close: () => !help.shown() && currentPlace().opened && open(null),
    resolve() {
      const pattern = patternAtHand();
      if (pattern) resolvePattern(pattern);
    },
    undo: () => void undoQueue.undo(),
    search: focusSearch,
    clear: clearFilters,
    "live-view": () => goView("live"),
    "users-view": () => goView("users"),
    "events-view": () => goView("events"),
    "pages-view": () => goView("pages"),
    "pipeline-view": () => goView("pipeline"),
    pause: togglePaused,
    live: toggleLive,
    theme: nextTheme,
    help: help.toggle,
  };
}
