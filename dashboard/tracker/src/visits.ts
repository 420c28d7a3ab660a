// Pages: one page_view per page, whether the browser loads it or a router moves to it, and none when only the query
// changes. Leaving: tab_hidden when the tab goes to the back, page_exit when the page goes away; what waits then leaves by
// beacon. A page that comes back from the back/forward cache is a visit.
import { pageOf } from "./page";
import { guard, on, type Data, type Tracker } from "./tracker";

/** Calls `moved` after every step of a router. */
function onStep(moved: () => void): void {
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      moved();
    };
  }
  on(window, "popstate hashchange", moved);
}

function referrer(): Data | undefined {
  const from = document.referrer && new URL(document.referrer).origin;
  return from && from !== location.origin ? { referrer: from } : undefined;
}

export function watchVisits(t: Tracker, leave: () => void): void {
  let gone = false;

  const visit = (data?: Data): void => {
    t.page = pageOf(location, t.options);
    t.since = Date.now();
    t.depth = 0;
    t.emit("page_view", data);
  };
  const go = (action: string, data?: Data): void => {
    t.leaving();
    t.emit(action, data);
    leave();
  };

  onStep(guard(() => pageOf(location, t.options) !== t.page && visit()));
  on(document, "visibilitychange", () => {
    if (gone) return; // browsers hide a page after pagehide
    if (document.hidden) go("tab_hidden");
    else t.emit("tab_visible");
  });
  on(window, "pagehide", () => {
    go("page_exit", { time_ms: Date.now() - t.since, depth: t.depth });
    gone = true;
  });
  on<PageTransitionEvent>(window, "pageshow", (event) => {
    gone = false;
    if (event.persisted) visit();
  });

  visit(referrer());
  if (document.hidden) t.emit("tab_hidden");
}
