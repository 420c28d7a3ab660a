// Web vitals of the page that was loaded, told once, when it is first hidden or left: largest and first paint, layout
// shift (worst session window: gaps below 1 s, at most 5 s), response to input (the 98th percentile of interactions),
// first byte. A page that was opened in the background has no honest paint times and tells none.
import { measured, type Tracker } from "./tracker";

interface Entry extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  interactionId: number;
  responseStart: number;
}

const INTERACTIONS_MAX = 500;

export function watchVitals(t: Tracker): void {
  const found: Record<string, number> = {};
  const set = (name: string, value: number): void => {
    found[name] = Math.round(value * 1e4) / 1e4;
  };

  measured<Entry>("largest-contentful-paint", (entry) => set("lcp", entry.startTime));
  measured<Entry>("paint", (entry) => /content/.test(entry.name) && set("fcp", entry.startTime));
  measured<Entry>("navigation", (entry) => set("ttfb", entry.responseStart));

  let [sum, first, last] = [0, 0, 0];
  measured<Entry>("layout-shift", ({ startTime, value, hadRecentInput }) => {
    if (hadRecentInput) return;
    if (startTime - last > 1000 || startTime - first > 5000) [sum, first] = [0, startTime];
    last = startTime;
    sum += value;
    set("cls", Math.max(found["cls"] || 0, sum));
  });

  const slowest: Record<number, number> = {};
  measured<Entry>("event", ({ interactionId, duration }) => {
    if (!interactionId || (!slowest[interactionId] && Object.keys(slowest).length >= INTERACTIONS_MAX)) return;
    slowest[interactionId] = Math.max(slowest[interactionId] || 0, duration);
    const ranked = Object.values(slowest).sort((a, b) => b - a);
    set("inp", ranked[Math.floor(ranked.length / 50)] || 0);
  });

  if (!document.hidden)
    t.leaving = () => {
      t.emit("page_performance", found);
      t.leaving = () => {};
    };
}
