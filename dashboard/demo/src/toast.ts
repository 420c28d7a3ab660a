// A word that appears and goes, read out by screen readers.
import { h } from "./dom";

const SHOWN_MS = 2_600;

const box = h("div", { class: "toast", role: "status", "aria-live": "polite" });
let timer: ReturnType<typeof setTimeout>;

export const toastBox = (): HTMLElement => box;

export function toast(text: string): void {
  clearTimeout(timer);
  box.textContent = text;
  box.classList.add("shown");
  timer = setTimeout(() => box.classList.remove("shown"), SHOWN_MS);
}
