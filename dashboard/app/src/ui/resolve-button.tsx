// Resolve, wherever it stands, for those who may. Offline it can be reached, does nothing and says why: what is asked for then would only fail.
import type { ReactNode } from "react";
import type { Pattern } from "../api/types";
import { useOffline } from "../state/link";
import { resolvePattern } from "../state/resolve";
import { useMayChange } from "../state/session-store";

const OFFLINE = "Offline: nothing can be resolved until the server is back";

export function ResolveButton({ pattern, look = "", title, children }: { pattern: Pattern; look?: string; title?: string; children?: ReactNode }) {
  const offline = useOffline();
  if (!useMayChange()) return null;
  return (
    <button
      type="button"
      className={`button ${look}`}
      aria-disabled={offline || undefined}
      title={offline ? OFFLINE : title}
      onClick={(event) => {
        event.stopPropagation(); // it may stand in a row that opens
        resolvePattern(pattern);
      }}
    >
      Resolve{children}
    </button>
  );
}
