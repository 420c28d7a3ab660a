// The newest high pattern that nobody has resolved, always in sight.
import { useNewestAlert } from "../api/queries";
import type { Pattern } from "../api/types";
import { ago, cut } from "../lib/format";
import { withoutTurning } from "../lib/turning";
import { useServerNow } from "../state/clock";
import { openPattern, usePlace } from "../state/place";
import { useUndoItems } from "../state/resolve";
import { isFiltered } from "../state/url";
import { SeverityBadge, TypeName } from "./badges";
import { ResolveButton } from "./resolve-button";
import { Foreign, UserLink } from "./text";

export function PinnedAlert() {
  const { data } = useNewestAlert();
  const resolving = useUndoItems();
  const pattern = data?.[0];
  const shown = pattern && !resolving.some((item) => item.id === pattern.pattern_id);
  return (
    <>
      <p className="sr" aria-live="polite">
        {shown && `New alert: ${cut(withoutTurning(pattern.explanation), 200)}`}
      </p>
      {shown && <Alert pattern={pattern} />}
    </>
  );
}

function Alert({ pattern }: { pattern: Pattern }) {
  const now = useServerNow();
  const filtered = isFiltered(usePlace());
  return (
    <section className="alert" aria-label="Newest alert" data-testid="alert">
      <div className="alert-what">
        <span className="alert-kind">
          <SeverityBadge severity={pattern.severity} />
          <TypeName type={pattern.type} />
          {filtered && <span className="faint">newest of all, whatever the filters</span>}
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
        <ResolveButton pattern={pattern} />
      </div>
    </section>
  );
}
