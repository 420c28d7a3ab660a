// The newest high pattern that nobody has resolved, always in sight.
import { useNewestAlert } from "../api/queries";
import type { Pattern } from "../api/types";
import { ago, cut } from "../lib/format";
import { useServerNow } from "../state/clock";
import { openPattern } from "../state/place";
import { resolvePattern, useUndoItems } from "../state/resolve";
import { SeverityBadge, TypeName } from "./badges";
import { Foreign, UserLink } from "./text";

export function PinnedAlert() {
  const { data } = useNewestAlert();
  const resolving = useUndoItems();
  const pattern = data?.[0];
  const shown = pattern && !resolving.some((item) => item.id === pattern.pattern_id);
  return (
    <>
      <p className="sr" aria-live="polite">
        {shown && `New alert: ${cut(pattern.explanation, 200)}`}
      </p>
      {shown && <Alert pattern={pattern} />}
    </>
  );
}

function Alert({ pattern }: { pattern: Pattern }) {
  const now = useServerNow();
  return (
    <section className="alert" aria-label="Newest alert" data-testid="alert">
      <div className="alert-what">
        <span className="alert-kind">
          <SeverityBadge severity={pattern.severity} />
          <TypeName type={pattern.type} />
        </span>
        <p className="alert-says">
          <Foreign text={pattern.explanation} />
        </p>
      </div>
      <div className="alert-who">
        <UserLink id={pattern.user_id} />
        <span className="faint">{ago(now - pattern.detected_at)}</span>
      </div>
      <div className="alert-deeds">
        <button type="button" className="button" onClick={() => openPattern(pattern.pattern_id)}>
          See what happened
        </button>
        <button type="button" className="button" onClick={() => resolvePattern(pattern)}>
          Resolve
        </button>
      </div>
    </section>
  );
}
