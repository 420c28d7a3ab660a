import { useHistory, usePages, useUsers } from "../api/queries";
import type { HistoryMinute } from "../api/types";
import { useMemo } from "react";
import { count, plural } from "../lib/format";
import { wholeMinutes } from "../lib/tiles";
import { useServerNow } from "../state/clock";
import { goView } from "../state/place";
import { PinnedAlert } from "../ui/alert";
import { Friction } from "../ui/badges";
import { Chart, type Series } from "../ui/chart";
import { PageLink, UserLink } from "../ui/text";
import { FeedCard } from "./feed";

const SHOWN = 6;
const ACTIVE_MS = 60_000;
const ACTIVITY: readonly Series[] = [
  { label: "Events", colour: "accent", kind: "area" },
  { label: "Patterns", colour: "bar", kind: "bars" },
];

function columns(minutes: readonly HistoryMinute[]) {
  return {
    times: minutes.map((m) => m.minute / 1000),
    values: [minutes.map((m) => m.events), minutes.map((m) => m.patterns_detected)],
  };
}

function Activity() {
  const { data } = useHistory();
  const minutes = useMemo(() => wholeMinutes(data ?? []), [data]);
  const { times, values } = useMemo(() => columns(minutes), [minutes]);
  const events = values[0]?.reduce((a, b) => a + b, 0) ?? 0;
  const patterns = values[1]?.reduce((a, b) => a + b, 0) ?? 0;
  const says = `Last hour, per minute: ${plural(events, "event")}, ${plural(patterns, "pattern")}.`;
  return (
    <section className="card" aria-label="Last hour">
      <h2 className="card-title">Last hour, per minute</h2>
      {minutes.length < 2 ? <p className="card-empty">The line begins after two whole minutes.</p> : <Chart says={says} times={times} values={values} series={ACTIVITY} height={130} />}
    </section>
  );
}

function NeedingHelp() {
  const { data } = useUsers();
  const now = useServerNow();
  const users = (data ?? [])
    .filter((user) => now - user.last_seen < 5 * ACTIVE_MS && user.friction > 0)
    .sort((a, b) => b.friction - a.friction || b.last_seen - a.last_seen)
    .slice(0, SHOWN);
  return (
    <section className="card" aria-label="Sessions with friction">
      <h2 className="card-title">
        Struggling now
        <button type="button" className="textlink" onClick={() => goView("users")}>
          All sessions
        </button>
      </h2>
      {users.length === 0 ? (
        <p className="card-empty">Nobody, at the moment.</p>
      ) : (
        <ul className="short short-users">
          {users.map((user) => (
            <li key={user.user_id}>
              <UserLink id={user.user_id} />
              <PageLink page={user.current_page} none="left" />
              <Friction value={user.friction} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function WorstPages() {
  const { data } = usePages();
  const pages = (data ?? []).filter((page) => page.patterns > 0).slice(0, SHOWN);
  const most = Math.max(1, ...pages.map((page) => page.patterns));
  return (
    <section className="card" aria-label="Friction by page">
      <h2 className="card-title">
        Friction by page
        <button type="button" className="textlink" onClick={() => goView("pages")}>
          All pages
        </button>
      </h2>
      {pages.length === 0 ? (
        <p className="card-empty">No page makes trouble yet.</p>
      ) : (
        <ul className="short">
          {pages.map((page) => (
            <li key={page.page} className="short-bar">
              <PageLink page={page.page} />
              <span className="bar" aria-hidden="true">
                <span style={{ width: `${(100 * page.patterns) / most}%` }} />
              </span>
              <span className="short-count">{count(page.patterns)}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function LiveView({ beside }: { beside: boolean }) {
  return (
    <>
      <PinnedAlert />
      <div className="columns">
        <FeedCard />
        {!beside && (
          <div className="side">
            <Activity />
            <NeedingHelp />
            <WorstPages />
          </div>
        )}
      </div>
    </>
  );
}
