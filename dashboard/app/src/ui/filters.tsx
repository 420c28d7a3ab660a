// The filters of the feed: a table of them, each a choice in the address. What is not a choice (page, user) shows
// as a chip that can be taken away.
import { useMetrics } from "../api/queries";
import { SEVERITIES, TYPES } from "../lib/types-table";
import { go, usePlace } from "../state/place";
import { isFiltered, NO_FILTER, type Place } from "../state/url";
import { Icon } from "./icons";
import { SearchBox } from "./search-box";
import { Foreign } from "./text";

interface Choice {
  key: "type" | "severity" | "state";
  label: string;
  any: string;
  options: readonly { value: string; label: string }[];
}

const CHOICES: readonly Choice[] = [
  { key: "state", label: "State", any: "Any state", options: [{ value: "open", label: "Open" }, { value: "resolved", label: "Resolved" }] },
  { key: "severity", label: "Severity", any: "Any severity", options: SEVERITIES.map((s) => ({ value: s.severity, label: s.label })) },
  { key: "type", label: "Type", any: "Any type", options: TYPES.map((t) => ({ value: t.type, label: t.label })) },
];

function Select({ choice, place, counts }: { choice: Choice; place: Place; counts: Record<string, number> | undefined }) {
  return (
    <select
      aria-label={choice.label}
      className={place[choice.key] ? "select select-on" : "select"}
      value={place[choice.key] ?? ""}
      onChange={(event) => go({ [choice.key]: event.target.value || null } as Partial<Place>)}
    >
      <option value="">{choice.any}</option>
      {choice.options.map(({ value, label }) => (
        <option key={value} value={value}>
          {label}
          {counts?.[value] !== undefined && ` (${counts[value]})`}
        </option>
      ))}
    </select>
  );
}

function Chip({ name, value, onRemove }: { name: string; value: string; onRemove: () => void }) {
  return (
    <span className="chip">
      <span className="chip-name">{name}</span>
      <Foreign text={value} mono={name === "Page"} />
      <button type="button" className="chip-remove" onClick={onRemove}>
        <Icon name="close" />
        <span className="sr">Remove the filter {name}</span>
      </button>
    </span>
  );
}

export function clearFilters(): void {
  go(NO_FILTER);
}

export function Filters() {
  const place = usePlace();
  const { data } = useMetrics();
  const counts: Record<string, Record<string, number> | undefined> = { type: data?.patterns_by_type, severity: data?.patterns_by_severity };
  return (
    <div className="filters" role="search" aria-label="Patterns">
      <SearchBox label="Search patterns" placeholder="User, page or sentence" />
      {CHOICES.map((choice) => (
        <Select key={choice.key} choice={choice} place={place} counts={counts[choice.key]} />
      ))}
      {place.page && <Chip name="Page" value={place.page} onRemove={() => go({ page: null })} />}
      {place.user && <Chip name="User" value={place.user} onRemove={() => go({ user: null })} />}
      {isFiltered(place) && (
        <button type="button" className="textlink" onClick={clearFilters}>
          Clear
        </button>
      )}
    </div>
  );
}
