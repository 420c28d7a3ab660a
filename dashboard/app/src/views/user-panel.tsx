import { useEffect, useState } from "react";
import { ApiError } from "../api/client";
import { useUser, useUserEvents, useUserPatterns } from "../api/queries";
import type { Checkout, Moment, Pattern, User } from "../api/types";
import { countdownOf, stageName } from "../lib/countdown";
import { ago, clockTime, countdown, duration, plural } from "../lib/format";
import { serverNow, useServerNow } from "../state/clock";
import { narrow, openPattern } from "../state/place";
import { useIsResolving } from "../state/resolve";
import { Friction, SeverityBadge, StateBadge, TypeName } from "../ui/badges";
import { Empty } from "../ui/empty";
import { Fact, Panel } from "../ui/panel";
import { LongText, PageLink } from "../ui/text";
import { actionLabel } from "../ui/timeline";

const FRAME_MS = 200;

function useFrequentNow(): number {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), FRAME_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** The checkout's clock, running. */
function CheckoutClock({ checkout }: { checkout: Checkout }) {
  const { leftMs, part, urgent, over } = countdownOf(checkout, useFrequentNow());
  return (
    <section className={urgent || over ? "clock clock-urgent" : "clock"} aria-label="Checkout" data-testid="countdown">
      <div className="clock-line">
        <span>
          Reached the {stageName(checkout.depth)} step, <PageLink page={checkout.page} />
        </span>
        <span className="clock-left" role="timer">
          {over ? "over" : countdown(leftMs)}
        </span>
      </div>
      <div className="clock-bar" aria-hidden="true">
        <span style={{ transform: `scaleX(${part})` }} />
      </div>
      <p className="faint">{over ? "Waiting for the word on it." : "until it counts as abandoned, unless the purchase is completed"}</p>
    </section>
  );
}

function State({ user }: { user: User }) {
  const now = useServerNow();
  return (
    <dl className="facts">
      <Fact name="Page now">
        <PageLink page={user.current_page} />
        {user.page_since !== null && <span className="faint"> for {duration(now - user.page_since)}</span>}
      </Fact>
      <Fact name="Friction">
        <Friction value={user.friction} />
      </Fact>
      {user.last_seen !== null && <Fact name="Last event">{ago(now - user.last_seen)}{user.hidden && ", tab in the background"}</Fact>}
      {user.session_started !== null && (
        <Fact name="Session">
          {duration(now - user.session_started)}, {plural(user.session_events, "event")}
        </Fact>
      )}
      {user.session_id && (
        <Fact name="Session id">
          <LongText text={user.session_id} mono />
        </Fact>
      )}
    </dl>
  );
}

function PatternItem({ pattern }: { pattern: Pattern }) {
  const resolving = useIsResolving(pattern.pattern_id);
  const now = useServerNow();
  return (
    <li>
      <button type="button" className="mini" onClick={() => openPattern(pattern.pattern_id)}>
        <SeverityBadge severity={pattern.severity} />
        <TypeName type={pattern.type} />
        <span className="faint">{ago(now - pattern.detected_at)}</span>
        <StateBadge pattern={pattern} resolving={resolving} />
      </button>
    </li>
  );
}

function Patterns({ id }: { id: string }) {
  const { data } = useUserPatterns(id);
  if (!data) return null;
  return (
    <>
      <h3 className="panel-head">
        Patterns
        {data.length > 0 && (
          <button type="button" className="textlink" onClick={() => narrow({ user: id })}>
            Only this user
          </button>
        )}
      </h3>
      {data.length === 0 ? <p className="faint">None so far.</p> : <ul className="minis">{data.map((p) => <PatternItem key={p.pattern_id} pattern={p} />)}</ul>}
    </>
  );
}

function Events({ events }: { events: readonly Moment[] }) {
  return (
    <>
      <h3 className="panel-head">Events of the last 5 minutes</h3>
      {events.length === 0 ? (
        <p className="faint">None.</p>
      ) : (
        <ol className="moments" data-testid="user-events">
          {events.map((moment, i) => (
            <li key={`${moment.t} ${events.length - i}`}>
              <time dateTime={new Date(moment.t).toISOString()}>{clockTime(moment.t)}</time>
              <span>{actionLabel(moment.action)}</span>
              <PageLink page={moment.page} />
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

export function UserPanel({ id }: { id: string }) {
  const { data: user, error } = useUser(id);
  const { data: events } = useUserEvents(id);
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <Panel label="User" name={id}>
      <div className="panel-body">
        <h2 className="panel-name">
          <LongText text={id} />
        </h2>
        {user && !gone ? (
          <>
            {user.checkout && <CheckoutClock checkout={user.checkout} />}
            <State user={user} />
            <Patterns id={id} />
            <Events events={events ?? []} />
          </>
        ) : error ? (
          <>
            <Empty title={gone ? "No longer in a session" : "This could not be fetched"}>
              <p className="long">{gone ? "What is known of a user is forgotten after the session. The patterns stay." : error.message}</p>
            </Empty>
            <Patterns id={id} />
          </>
        ) : (
          <Empty title="Looking …" />
        )}
      </div>
    </Panel>
  );
}
