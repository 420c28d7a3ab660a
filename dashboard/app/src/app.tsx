import { type ComponentType, useCallback, useEffect, useRef, useState } from "react";
import { appDeeds } from "./keys/app-keys";
import { Help } from "./keys/help";
import type { Deed } from "./keys/keys";
import { useKeys } from "./keys/use-keys";
import { usePlace } from "./state/place";
import { useSession } from "./state/session-store";
import type { View } from "./state/url";
import { Header, OfflineNote, VIEW_TABLE } from "./ui/header";
import { MetricsStrip } from "./ui/metrics-strip";
import { Toasts } from "./ui/toasts";
import { EventsView } from "./views/events";
import { LiveView } from "./views/live";
import { Login } from "./views/login";
import { PagesView } from "./views/pages";
import { PatternPanel } from "./views/pattern-panel";
import { PipelineView } from "./views/pipeline";
import { UserPanel } from "./views/user-panel";
import { UsersView } from "./views/users";

const VIEWS: Record<View, ComponentType<{ beside: boolean }>> = {
  live: LiveView,
  users: UsersView,
  events: EventsView,
  pages: PagesView,
  pipeline: PipelineView,
};

function useHelp() {
  const [shown, setShown] = useState(false);
  const now = useRef(shown);
  now.current = shown;
  const toggle = useCallback(() => setShown((on) => !on), []);
  const deeds = useRef(appDeeds({ toggle, shown: () => now.current }));
  useKeys(useCallback((deed: Deed) => deeds.current[deed](), []));
  return { shown, toggle, hide: useCallback(() => setShown(false), []) };
}

/** Nothing is asked of the server, and no key does anything, before it is known who is here. */
export function App() {
  const { phase } = useSession();
  if (phase === "asking") return null;
  return phase === "needed" ? <Login /> : <Dashboard />;
}

function Dashboard() {
  const { view, opened } = usePlace();
  const help = useHelp();
  const Current = VIEWS[view];
  useEffect(() => {
    document.title = `${VIEW_TABLE.find((one) => one.view === view)?.label ?? ""} · BehaviorLens`;
  }, [view]);
  return (
    <div className={`app app-${view}`}>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <Header onHelp={help.toggle} />
      <main className={opened ? "main main-panel" : "main"} id="main" tabIndex={-1}>
        <h1 className="sr">BehaviorLens</h1>
        <OfflineNote />
        <MetricsStrip />
        <div className="stage">
          <div className="stage-view">
            <Current beside={opened !== null} />
          </div>
          {opened?.kind === "pattern" && <PatternPanel id={opened.id} />}
          {opened?.kind === "user" && <UserPanel id={opened.id} key={opened.id} />}
        </div>
      </main>
      <Toasts />
      <Help shown={help.shown} onClose={help.hide} />
    </div>
  );
}
