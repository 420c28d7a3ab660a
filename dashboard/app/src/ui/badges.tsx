import type { Pattern, PatternType, Severity } from "../api/types";
import { RESOLUTIONS, severityLabel, typeLabel } from "../lib/types-table";
import { narrow } from "../state/place";
import { Icon, SeverityShape, TypeIcon } from "./icons";

export function SeverityBadge({ severity }: { severity: Severity }) {
  return (
    <span className={`severity severity-${severity}`}>
      <SeverityShape severity={severity} />
      {severityLabel(severity)}
    </span>
  );
}

export function SeverityLink({ severity }: { severity: Severity }) {
  return (
    <button type="button" className="quiet" onClick={(event) => (event.stopPropagation(), narrow({ severity }))}>
      <SeverityBadge severity={severity} />
    </button>
  );
}

export function TypeName({ type }: { type: PatternType }) {
  return (
    <span className="typename">
      <TypeIcon type={type} />
      {typeLabel(type)}
    </span>
  );
}

export function TypeLink({ type }: { type: PatternType }) {
  return (
    <button type="button" className="quiet" onClick={(event) => (event.stopPropagation(), narrow({ type }))}>
      <TypeName type={type} />
    </button>
  );
}

export function StateBadge({ pattern, resolving }: { pattern: Pattern; resolving: boolean }) {
  if (resolving) return <span className="state state-waiting">Resolving …</span>;
  if (!pattern.resolved) return <span className="state state-open">Open</span>;
  const why = pattern.resolution ? RESOLUTIONS[pattern.resolution] : undefined;
  return (
    <span className="state state-done" title={why}>
      <Icon name="check" />
      Resolved
    </span>
  );
}

export function Friction({ value }: { value: number }) {
  const level = value >= 60 ? "high" : value >= 25 ? "medium" : "low";
  return (
    <span className={`friction friction-${level}`} title={`Friction ${value} of 100 in this session`}>
      <span className="friction-bar" aria-hidden="true">
        <span style={{ width: `${Math.max(0, Math.min(100, value))}%` }} />
      </span>
      <span className="sr">friction </span>
      <span className="friction-value">{value}</span>
    </span>
  );
}
