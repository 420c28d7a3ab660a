// Keys do something only when nobody is typing; a modifier means somebody else's key.
import { useEffect } from "react";
import { type Deed, press, SEQUENCE_MS } from "./keys";

const TYPING = "input, textarea, select, [contenteditable]";
const OWN_ENTER = "a, button, summary, [role=button]";

function isOurs(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest(TYPING)) return false; // Escape, too: it leaves the field first
  return !(event.key === "Enter" && target?.closest(OWN_ENTER));
}

export function useKeys(does: (deed: Deed) => void): void {
  useEffect(() => {
    let pending = "";
    let at = 0;
    function onKey(event: KeyboardEvent): void {
      if (!isOurs(event)) return;
      if (event.timeStamp - at > SEQUENCE_MS) pending = "";
      const pressed = press(pending, event.key);
      pending = pressed.pending;
      at = event.timeStamp;
      if (!pressed.deed) return;
      if (event.key !== "Escape") event.preventDefault();
      does(pressed.deed);
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [does]);
}
