// The feed: filters above, rows below, newest first.
import { memo, useCallback, useMemo, useRef, useState } from "react";
import type { Pattern } from "../api/types";
import { useMetrics } from "../api/queries";
import { ago, count, dateTime } from "../lib/format";
import { useServerNow } from "../state/clock";
import { loadOlder, useFeed, useShownFurtherDown } from "../state/feed-store";
import { openPattern, usePlace } from "../state/place";
import { useIsResolving } from "../state/resolve";
import { select, useList, useSelected } from "../state/selection";
import { filterOf, isFiltered } from "../state/url";
import { SeverityLink, StateBadge, TypeLink } from "../ui/badges";
import { Empty, Failure, Newcomer } from "../ui/empty";
import { clearFilters, Filters } from "../ui/filters";
import { ResolveButton } from "../ui/resolve-button";
import { Foreign, PageLink, UserLink } from "../ui/text";
import { useWidth } from "../ui/use-width";
import { VirtualList } from "../ui/virtual-list";

const WIDE_ROW = 64;
const NARROW_ROW = 104;
const NARROW_BELOW = 640;

const idOf = (pattern: Pattern) => pattern.pattern_id;

function When({ at }: { at: number }) {
  const now = useServerNow();
  return (
    <time className="row-when" dateTime={new Date(at).toISOString()} title={dateTime(at)}>
      {ago(now - at)}
    </time>
  );
}

const Row = memo(function Row({ pattern, opened }: { pattern: Pattern; opened: boolean }) {
  const resolving = useIsResolving(pattern.pattern_id);
  const show = () => {
    select(pattern.pattern_id);
    openPattern(pattern.pattern_id);
  };
  const quiet = pattern.resolved || resolving;
  return (
    <article className={`row ${quiet ? "row-done" : ""} ${opened ? "row-open" : ""}`} onClick={show} data-testid="pattern-row" data-type={pattern.type}>
      <span className="row-severity">
        <SeverityLink severity={pattern.severity} />
      </span>
      <span className="row-type">
        <TypeLink type={pattern.type} />
      </span>
      <button type="button" className="row-says" onClick={(event) => (event.stopPropagation(), show())}>
        <Foreign text={pattern.explanation} />
      </button>
      <span className="row-page">
        <PageLink page={pattern.page} />
      </span>
      <span className="row-user">
        <UserLink id={pattern.user_id} />
      </span>
      <When at={pattern.detected_at} />
      <span className="row-state">
        <StateBadge pattern={pattern} resolving={resolving} />
        {!quiet && <ResolveButton pattern={pattern} look="row-resolve" title="Resolve (r)" />}
      </span>
    </article>
  );
});

function Nothing({ filtered }: { filtered: boolean }) {
  const { data } = useMetrics();
  if (filtered) {
    return (
      <Empty title="Nothing fits these filters">
        <p>Take one away, or show everything.</p>
        <button type="button" className="button" onClick={clearFilters}>
          Clear the filters
        </button>
      </Empty>
    );
  }
  if (data && data.total_events > 0) {
    return (
      <Empty title="No patterns yet">
        <p>{count(data.total_events)} events came in, and nobody struggles. The first hesitation shows after ten seconds of silence.</p>
        <p>
          Provoke one in the <a href="/demo">demo shop</a>: open it in a second window and stay still.
        </p>
      </Empty>
    );
  }
  return <Newcomer />;
}

/** How many came in above, while the reader looks further down. */
function useNewAbove(rows: readonly Pattern[], atTop: boolean): number {
  const seen = useRef<string | undefined>(undefined);
  const top = rows[0]?.pattern_id;
  const at = rows.findIndex((row) => row.pattern_id === seen.current);
  if (atTop || at < 0) seen.current = top; // not there: another filter, or more came than a poll holds
  return atTop ? 0 : Math.max(0, at);
}

export function FeedCard() {
  const place = usePlace();
  const filter = filterOf(place);
  const { feed, waiting, error } = useFeed(filter);
  const selected = useSelected();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [first, setFirst] = useState(0);
  const above = useNewAbove(feed.rows, first <= 0);
  useShownFurtherDown(filter, feed.rows, first);
  const ids = useMemo(() => feed.rows.map(idOf), [feed.rows]);
  useList(ids, openPattern);
  const opened = place.opened?.kind === "pattern" ? place.opened.id : null;
  const render = useCallback((pattern: Pattern) => <Row pattern={pattern} opened={pattern.pattern_id === opened} />, [opened]);
  const narrow = width > 0 && width < NARROW_BELOW;
  const onTop = () => box.current?.querySelector(".vlist")?.scrollTo({ top: 0, behavior: "smooth" });
  return (
    <section className={narrow ? "card feed feed-narrow" : "card feed"} aria-label="Patterns" ref={box}>
      <Filters />
      {above > 0 && (
        <button type="button" className="new-above" onClick={onTop}>
          {count(above)} new
        </button>
      )}
      {error ? (
        <Failure error={error} />
      ) : waiting ? (
        <Empty title="Looking …" />
      ) : feed.rows.length === 0 ? (
        <Nothing filtered={isFiltered(filter)} />
      ) : (
        <VirtualList
          label="Patterns, newest first"
          testId="feed"
          items={feed.rows}
          idOf={idOf}
          rowHeight={narrow ? NARROW_ROW : WIDE_ROW}
          render={render}
          selected={selected}
          onNearEnd={loadOlder}
          onFirstChange={setFirst}
        />
      )}
    </section>
  );
}
