// Stillness, as the hesitation rule measures it (SPEC 4.1): from the anchor, which is the time of the last event that
// counts as activity, of an arrival, or of the tab coming back. Once at each level since the anchor, `idle` tells how
// long it has been. A timer that comes late (a laptop slept) tells once, with all the time that passed.
export const LEVELS_MS = [10_000, 15_000, 30_000];

const away = /^(tab_hidden|page_exit)$/;
/** Actions that move no anchor (SPEC 4.0). */
const passive = /^(idle|session_.*|error|.*_performance|api_error|dead_click)$/;

/** What it gives back is to be called with every action sent. */
export function watchIdle(tell: (durationMs: number) => void): (action: string) => void {
  let anchor: number;
  let timer: ReturnType<typeof setTimeout>;

  const arm = (): void => {
    const still = Date.now() - anchor;
    const level = LEVELS_MS.find((ms) => ms > still);
    if (level) timer = setTimeout(ring, level - still);
  };
  const ring = (): void => {
    const still = Date.now() - anchor;
    if (still >= LEVELS_MS[0]!) tell(still);
    arm();
  };

  return (action) => {
    if (passive.test(action)) return;
    clearTimeout(timer);
    anchor = Date.now();
    if (!away.test(action)) arm();
  };
}
