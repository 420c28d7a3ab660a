// Scrolling: an event at each quarter of the page that comes into view, and one every five seconds while somebody reads
// on, so that reading is not taken for hesitation. A router that scrolls to the top after a step is nobody's scrolling.
import { isIgnored } from "./element";
import { AGAIN_MS, guard, on, type Tracker } from "./tracker";

const SETTLE_MS = 500;
const LOOK_MS = 100; // layout is read at most ten times a second

/** The quarters of the document that have been in view: 0, 25, 50, 75, 100. */
export function quarter(top: number, height: number, whole: number): number {
  return Math.min(100, Math.floor(((top + height + 2) / whole) * 4) * 25); // 2 px: fractions at the end of the page
}

export function watchScroll(t: Tracker): void {
  let last = 0;
  let looking: unknown;

  const look = (): void => {
    looking = 0;
    const now = Date.now();
    const depth = quarter(scrollY, innerHeight, document.documentElement.scrollHeight);
    if (depth <= t.depth && now - last < AGAIN_MS) return;
    t.depth = Math.max(depth, t.depth);
    last = now;
    t.emit("scroll", { depth: t.depth });
  };

  on(document, "scroll", ({ target }) => {
    if (Date.now() - t.since > SETTLE_MS && !isIgnored(target)) looking ||= setTimeout(guard(look), LOOK_MS);
  });
}
