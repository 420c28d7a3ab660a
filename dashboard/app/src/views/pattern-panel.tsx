import { ApiError } from "../api/client";
import { usePattern } from "../api/queries";
import type { Pattern } from "../api/types";
import { dateTime, duration } from "../lib/format";
import { figuresOf } from "../lib/timeline";
import { RESOLUTIONS } from "../lib/types-table";
import { feedRow } from "../state/feed-store";
import { undoQueue, useIsResolving } from "../state/resolve";
import { SeverityLink, StateBadge, TypeLink } from "../ui/badges";
import { Empty } from "../ui/empty";
import { Fact, Panel } from "../ui/panel";
import { ResolveButton } from "../ui/resolve-button";
import { LongText, PageLink, UserLink } from "../ui/text";
import { Timeline } from "../ui/timeline";

const LONG = 200;

function Deeds({ pattern, resolving }: { pattern: Pattern; resolving: boolean }) {
  if (pattern.resolved) return null;
  return (
    <p className="deeds">
      {resolving ? (
        <button type="button" className="button" onClick={() => undoQueue.undo(pattern.pattern_id)}>
          Undo <kbd>u</kbd>
        </button>
      ) : (
        <ResolveButton pattern={pattern} look="button-main">
          {" "}
          <kbd>r</kbd>
        </ResolveButton>
      )}
    </p>
  );
}

function Facts({ pattern }: { pattern: Pattern }) {
  return (
    <dl className="facts">
      <Fact name="User">
        <UserLink id={pattern.user_id} />
      </Fact>
      <Fact name="Page">
        <PageLink page={pattern.page} />
      </Fact>
      <Fact name="Detected">{dateTime(pattern.detected_at)}</Fact>
      {pattern.updated_at > pattern.detected_at && <Fact name="Raised">after {duration(pattern.updated_at - pattern.detected_at)}</Fact>}
      {pattern.resolved_at !== null && (
        <Fact name="Resolved">
          after {duration(pattern.resolved_at - pattern.detected_at)}
          {pattern.resolution && `: ${RESOLUTIONS[pattern.resolution] ?? pattern.resolution}`}
        </Fact>
      )}
      {figuresOf(pattern.evidence).map(({ label, text }) => (
        <Fact name={label} key={label}>
          <LongText text={text} />
        </Fact>
      ))}
      {pattern.session_id && (
        <Fact name="Session">
          <LongText text={pattern.session_id} mono />
        </Fact>
      )}
    </dl>
  );
}

function Shown({ pattern }: { pattern: Pattern }) {
  const resolving = useIsResolving(pattern.pattern_id);
  return (
    <div className="panel-body">
      <p className="panel-badges">
        <SeverityLink severity={pattern.severity} />
        <TypeLink type={pattern.type} />
        <StateBadge pattern={pattern} resolving={resolving} />
      </p>
      <h2 className={pattern.explanation.length > LONG ? "panel-says panel-says-long" : "panel-says"}>
        <LongText text={pattern.explanation} />
      </h2>
      {pattern.ai_explanation && (
        <p className="panel-ai">
          <span className="eyebrow">In other words</span>
          <LongText text={pattern.ai_explanation} />
        </p>
      )}
      <Deeds pattern={pattern} resolving={resolving} />
      <Facts pattern={pattern} />
      <h3 className="panel-head">What the user did</h3>
      <Timeline pattern={pattern} />
    </div>
  );
}

export function PatternPanel({ id }: { id: string }) {
  const { data, error } = usePattern(id);
  const pattern = data ?? feedRow(id);
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <Panel label="Pattern" name={id}>
      {pattern && !gone ? (
        <Shown pattern={pattern} />
      ) : error ? (
        <Empty title={gone ? "This pattern is gone" : "This could not be fetched"}>
          <p className="long">{gone ? "Patterns are kept for 30 days. It may also belong to another data set." : error.message}</p>
        </Empty>
      ) : (
        <Empty title="Looking …" />
      )}
    </Panel>
  );
}
