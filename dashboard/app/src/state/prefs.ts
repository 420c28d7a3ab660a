// What this browser remembers of its reader: theme and whether the live stream is wanted. Storage may be
// forbidden; then they last as long as the page.
import { createStore, useStore } from "../lib/store";

export type Theme = "system" | "light" | "dark";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

function read(name: string): string | null {
  try {
    return localStorage.getItem(`behaviorlens.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(`behaviorlens.${name}`, value);
  } catch {
    // Remembered for as long as the page lives.
  }
}

const theme = createStore<Theme>(THEMES.find((one) => one === read("theme")) ?? "system");
const live = createStore<boolean>(read("live") === "on");

export const useTheme = (): Theme => useStore(theme);
export const useLiveWanted = (): boolean => useStore(live);
export const liveWanted = live;

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme.get();
  dispatchEvent(new Event("bl-theme"));
}

export function nextTheme(): void {
  const at = THEMES.indexOf(theme.get());
  theme.set(THEMES[(at + 1) % THEMES.length] ?? "system");
  write("theme", theme.get());
  applyTheme();
}

export function toggleLive(): void {
  live.set((on) => !on);
  write("live", live.get() ? "on" : "off");
}
