// The newest high pattern that nobody has resolved, always in sight.
import { useNewestAlert } from "../api/queries";
import { ago } from "../lib/format";
import { useServerNow } from "../state/clock";
import { openPattern } from "../state/place";
import { resolvePattern, useUndoItems } from "../state/resolve";
import { SeverityBadge, TypeName } from "./badges";
import { Foreign, UserLink } from "./text";

export function PinnedAlert() {
  const { data } = useNewestAlert();
  const resolving = useUndoItems();
  const now = useServerNow();
  const pattern = data?.[0];
  if (!pattern || resolving.some((item) => item.id === pattern.pattern_id)) return null;
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
