import { phaseOf, type Phase } from "../state/connection";
import { clockTime } from "../lib/format";
import { useNow } from "../state/clock";
import { togglePaused, useConnection } from "../state/link";
import { goView, hrefOf, usePlace } from "../state/place";
import { logOut } from "../state/session";
import { useSession } from "../state/session-store";
import { nextTheme, toggleLive, useLiveWanted, useTheme } from "../state/prefs";
import { HOME, type View } from "../state/url";
import { Icon, type IconName, Logo } from "./icons";

export const VIEW_TABLE: readonly { view: View; label: string; icon: IconName }[] = [
  { view: "live", label: "Live", icon: "live" },
  { view: "users", label: "Sessions", icon: "users" },
  { view: "events", label: "Events", icon: "events" },
  { view: "pages", label: "Pages", icon: "pages" },
  { view: "pipeline", label: "Pipeline", icon: "pipeline" },
];

const PHASES: Record<Phase, string> = {
  connecting: "Connecting",
  polling: "Polling",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  paused: "Paused",
};

const FRESH_MS = 5_000;

/** Can what is on the screen be trusted, and how old is it. */
function ConnectionState() {
  const connection = useConnection();
  const now = useNow();
  const phase = phaseOf(connection, now);
  const since = connection.lastOkAt;
  const word = phase === "offline" ? (since ? `Offline since ${clockTime(since)}` : "Offline") : PHASES[phase];
  const age = since === null ? null : now - since;
  const fresh = (phase === "live" || phase === "polling") && age !== null && age < FRESH_MS;
  return (
    <div className={`connection connection-${phase}`} data-testid="connection" data-phase={phase} title={connection.reason ?? undefined}>
      <span className="connection-dot" aria-hidden="true" />
      <span role="status">{word}</span>
      {age !== null && phase !== "offline" && (
        <span className={fresh ? "connection-age connection-fresh" : "connection-age"}>{fresh ? "up to date" : `as of ${clockTime(now - age)}`}</span>
      )}
    </div>
  );
}

export function OfflineNote() {
  const connection = useConnection();
  const now = useNow();
  if (phaseOf(connection, now) !== "offline") return null;
  return (
    <div className="note note-bad" role="alert">
      <strong>{connection.reason ?? "The server does not answer."}</strong>
      <span>
        {connection.lastOkAt
          ? `What you see is as it was at ${clockTime(connection.lastOkAt)}. It goes on by itself once the server is back; until then nothing can be resolved.`
          : "Is it running? Start it with deploy/up; this page goes on by itself."}
      </span>
    </div>
  );
}

function Views() {
  const place = usePlace();
  return (
    <nav className="views" aria-label="Views">
      {VIEW_TABLE.map(({ view, label, icon }) => (
        <a
          key={view}
          href={hrefOf({ ...HOME, view })}
          className="view"
          aria-current={place.view === view ? "page" : undefined}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            goView(view);
          }}
        >
          <Icon name={icon} />
          {label}
        </a>
      ))}
    </nav>
  );
}

/** Who is logged in, and the way out. Without keys there is nobody. */
function Person() {
  const { phase, who } = useSession();
  if (phase !== "in" || !who) return null;
  const name = who.name || who.id || "";
  const how = who.kind === "admin" ? "" : ", read-only";
  return (
    <>
      <span className="person" data-testid="person" title={`${name}${how}`}>
        <bdi>{name}</bdi>
        {how}
      </span>
      <button type="button" className="tool" onClick={() => void logOut()} title="Log out">
        <Icon name="leave" />
        <span className="sr">Log out</span>
      </button>
    </>
  );
}

export function Header({ onHelp }: { onHelp: () => void }) {
  const { paused } = useConnection();
  const live = useLiveWanted();
  const theme = useTheme();
  return (
    <header className="header">
      <a className="brand" href={hrefOf(HOME)} aria-label="BehaviorLens, front page">
        <Logo />
        <span className="brand-name">BehaviorLens</span>
      </a>
      <Views />
      <ConnectionState />
      <div className="tools" role="group" aria-label="Display">
        <button type="button" role="switch" aria-checked={live} className="switch" onClick={toggleLive} title="Live stream (l)">
          <span className="switch-track" aria-hidden="true" />
          <span className="switch-label">Live stream</span>
        </button>
        <button type="button" className="tool" aria-pressed={paused} onClick={togglePaused} title="Pause (p)">
          <Icon name={paused ? "play" : "pause"} />
          <span className="sr">{paused ? "Go on" : "Pause"}</span>
        </button>
        <button type="button" className="tool" onClick={nextTheme} title={`Theme: ${theme} (t)`}>
          <Icon name={theme} />
          <span className="sr">Theme: {theme}</span>
        </button>
        <button type="button" className="tool tool-keys" onClick={onHelp} title="Keys (?)">
          <Icon name="keys" />
          <span className="sr">Keys</span>
        </button>
        <Person />
      </div>
    </header>
  );
}
