// Events as they come in. Pause holds them still.
import { memo, useCallback, useMemo, useState } from "react";
import { useEvents } from "../api/queries";
import type { RawEvent } from "../api/types";
import { clockTime, cut } from "../lib/format";
import { togglePaused, useConnection } from "../state/link";
import { usePlace } from "../state/place";
import { useList, useSelected } from "../state/selection";
import { Empty, Failure, Newcomer } from "../ui/empty";
import { Icon } from "../ui/icons";
import { SearchBox } from "../ui/search-box";
import { Foreign, LongText, PageLink, UserLink } from "../ui/text";
import { actionLabel } from "../ui/timeline";
import { VirtualList } from "../ui/virtual-list";

const ROW = 40;
const idOf = (event: RawEvent) => `${event.user_id} ${event.event_id}`;

function fits(event: RawEvent, text: string): boolean {
  return `${event.user_id}\n${event.action}\n${event.page ?? ""}\n${event.metadata ? JSON.stringify(event.metadata) : ""}`.toLowerCase().includes(text);
}

const Row = memo(function Row({ event, onOpen }: { event: RawEvent; onOpen: (id: string) => void }) {
  const mark = event.late ? "late" : event.clock_adjusted ? "clock adjusted" : null;
  return (
    <article className="erow" data-testid="event-row">
      <time dateTime={new Date(event.received).toISOString()}>{clockTime(event.received)}</time>
      <button type="button" className="quiet erow-action" onClick={() => onOpen(idOf(event))}>
        {actionLabel(event.action)}
      </button>
      <PageLink page={event.page ?? null} />
      <UserLink id={event.user_id} />
      <span className="erow-more">
        {mark && <span className="state state-waiting">{mark}</span>}
        {event.metadata && <Foreign text={JSON.stringify(event.metadata)} mono />}
      </span>
    </article>
  );
});

function Whole({ event, onClose }: { event: RawEvent; onClose: () => void }) {
  return (
    <div className="whole" role="region" aria-label="The whole event">
      <LongText text={cut(JSON.stringify(event, null, 2), 20_000)} mono />
      <button type="button" className="button" onClick={onClose}>
        Close
      </button>
    </div>
  );
}

export function EventsView() {
  const { q } = usePlace();
  const { data, error } = useEvents();
  const { paused } = useConnection();
  const [whole, setWhole] = useState<RawEvent | null>(null);
  const selected = useSelected();
  const text = q.trim().toLowerCase();
  const events = useMemo(() => (data ?? []).filter((event) => !text || fits(event, text)), [data, text]);
  const ids = useMemo(() => events.map(idOf), [events]);
  const show = useCallback((id: string) => setWhole(events.find((event) => idOf(event) === id) ?? null), [events]);
  useList(ids, show);
  const render = useCallback((event: RawEvent) => <Row event={event} onOpen={show} />, [show]);
  return (
    <section className="card fill" aria-label="Recent events">
      <div className="filters">
        <h2 className="view-title">Recent events</h2>
        <SearchBox label="Search events" placeholder="User, action, page or metadata" />
        <button type="button" className="button" aria-pressed={paused} onClick={togglePaused}>
          <Icon name={paused ? "play" : "pause"} />
          {paused ? "Go on" : "Pause"}
        </button>
      </div>
      {whole && <Whole event={whole} onClose={() => setWhole(null)} />}
      {error && !data ? (
        <Failure error={error} />
      ) : !data ? (
        <Empty title="Looking …" />
      ) : events.length > 0 ? (
        <VirtualList label="Events, newest first" testId="events" items={events} idOf={idOf} rowHeight={ROW} render={render} selected={selected} />
      ) : text ? (
        <Empty title="No recent event fits this search" />
      ) : (
        <Newcomer />
      )}
    </section>
  );
}
