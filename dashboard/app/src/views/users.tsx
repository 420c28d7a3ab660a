// Everybody seen in the last half hour, the latest first; who has friction stands out.
import { memo, useCallback, useMemo } from "react";
import { useUsers } from "../api/queries";
import type { ListedUser } from "../api/types";
import { ago, plural } from "../lib/format";
import { useServerNow } from "../state/clock";
import { openUser, usePlace } from "../state/place";
import { useList, useSelected } from "../state/selection";
import { Friction } from "../ui/badges";
import { Empty, Failure, Newcomer } from "../ui/empty";
import { SearchBox } from "../ui/search-box";
import { Foreign, PageLink } from "../ui/text";
import { VirtualList } from "../ui/virtual-list";

const ROW = 56;
const ACTIVE_MS = 60_000;
const idOf = (user: ListedUser) => user.user_id;

export function found(users: readonly ListedUser[], q: string): readonly ListedUser[] {
  const text = q.trim().toLowerCase();
  if (!text) return users;
  return users.filter((user) => `${user.user_id}\n${user.current_page ?? ""}\n${user.session_id ?? ""}`.toLowerCase().includes(text));
}

function Seen({ at }: { at: number }) {
  const now = useServerNow();
  const active = now - at < ACTIVE_MS;
  return (
    <span className={active ? "seen seen-active" : "seen"}>
      {active ? "Active" : "Away"} · {ago(now - at)}
    </span>
  );
}

const Row = memo(function Row({ user, opened }: { user: ListedUser; opened: boolean }) {
  return (
    <article className={opened ? "urow row-open" : "urow"} onClick={() => openUser(user.user_id)} data-testid="user-row">
      <button type="button" className="quiet urow-name" onClick={(event) => (event.stopPropagation(), openUser(user.user_id))}>
        <Foreign text={user.user_id} />
      </button>
      <span className="urow-page">
        <PageLink page={user.current_page} none="left" />
      </span>
      <span className="urow-mark">{user.has_active_pattern && <span className="state state-open">Open pattern</span>}</span>
      <Friction value={user.friction} />
      <Seen at={user.last_seen} />
    </article>
  );
});

export function UsersView() {
  const { q, opened } = usePlace();
  const { data, error } = useUsers();
  const selected = useSelected();
  const users = useMemo(() => found(data ?? [], q), [data, q]);
  const ids = useMemo(() => users.map(idOf), [users]);
  useList(ids, openUser);
  const openedId = opened?.kind === "user" ? opened.id : null;
  const render = useCallback((user: ListedUser) => <Row user={user} opened={user.user_id === openedId} />, [openedId]);
  return (
    <section className="card fill" aria-label="Sessions">
      <div className="filters">
        <h2 className="view-title">Sessions</h2>
        <SearchBox label="Search sessions" placeholder="User, page or session" />
        <span className="faint">{data && `${plural(users.length, "session")} in the last 30 min`}</span>
      </div>
      {error && !data ? (
        <Failure error={error} />
      ) : !data ? (
        <Empty title="Looking …" />
      ) : users.length > 0 ? (
        <VirtualList label="Sessions, latest first" testId="sessions" items={users} idOf={idOf} rowHeight={ROW} render={render} selected={selected} />
      ) : q ? (
        <Empty title="Nobody fits this search">
          <p>Only who was seen in the last 30 minutes is listed.</p>
        </Empty>
      ) : (
        <Newcomer />
      )}
    </section>
  );
}
