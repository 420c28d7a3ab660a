// Who: a random id per browser session. It lives in sessionStorage, so that it ends with the tab; where that is forbidden,
// or the visitor asks not to be tracked, in memory, so that it ends with the page.
import { uuid } from "./text";

const KEY = "behaviorlens";

export function sessionId(remember: boolean): string {
  const id = uuid();
  try {
    if (remember) {
      const known = sessionStorage.getItem(KEY) || "";
      if (/^[\w-]{16,64}$/.test(known)) return known;
      sessionStorage.setItem(KEY, id);
    }
  } catch {
    // Storage is blocked or full.
  }
  return id;
}
