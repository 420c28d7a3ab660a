// What the user did, when: the evidence as a line through time. Where nothing happened for a while the line is
// longer, and says for how long.
import type { Moment, Pattern } from "../api/types";
import { clockTime, duration } from "../lib/format";
import { gapHeight, stepsOf } from "../lib/timeline";
import { severityLabel, typeLabel } from "../lib/types-table";
import { SeverityShape } from "./icons";
import { PageLink } from "./text";

export function actionLabel(action: string): string {
  return action.replace(/_/g, " ");
}

function Gap({ ms }: { ms: number }) {
  return (
    <li className="tl-gap" style={{ height: gapHeight(ms) }}>
      {ms >= 3_000 && <span>{duration(ms)} without anything</span>}
    </li>
  );
}

function Step({ moment, origin }: { moment: Moment; origin: number }) {
  const before = origin - moment.t;
  return (
    <li className="tl-step">
      <span className="tl-dot" aria-hidden="true" />
      <span className="tl-action">{actionLabel(moment.action)}</span>
      <PageLink page={moment.page} />
      <time className="tl-when" dateTime={new Date(moment.t).toISOString()} title={clockTime(moment.t)}>
        {before > 0 ? `−${duration(before)}` : before < 0 ? `+${duration(-before)}` : "±0 s"}
      </time>
    </li>
  );
}

function Mark({ pattern, raised }: { pattern: Pattern; raised: boolean }) {
  const at = raised ? pattern.updated_at : pattern.detected_at;
  return (
    <li className="tl-step tl-detected">
      <SeverityShape severity={pattern.severity} />
      <span className="tl-action">{raised ? `Raised, ${severityLabel(pattern.severity).toLowerCase()} now` : `${typeLabel(pattern.type)} detected`}</span>
      <time className="tl-when" dateTime={new Date(at).toISOString()}>
        {clockTime(at)}
      </time>
    </li>
  );
}

export function Timeline({ pattern }: { pattern: Pattern }) {
  const origin = pattern.detected_at;
  return (
    <ol className="timeline" aria-label="What the user did">
      {stepsOf(pattern).map((step) =>
        step.kind === "gap" ? (
          <Gap key={`gap ${step.at}`} ms={step.ms} />
        ) : step.kind === "event" ? (
          <Step key={step.key} moment={step.moment} origin={origin} />
        ) : (
          <Mark key={step.kind} pattern={pattern} raised={step.kind === "raised"} />
        ),
      )}
    </ol>
  );
}
