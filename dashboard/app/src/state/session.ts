// Logging in and out. The token goes to the server once and is kept nowhere in this page: from then on the browser sends a
// cookie that no script can read.
import { PATHS } from "../api/queries";
import type { Session } from "../api/types";
import { client, queries } from "./link";
import { undoQueue } from "./resolve";
import { session, sessionOf } from "./session-store";

const AGAIN_MS = 3_000;

let asking = false;

async function ask(): Promise<void> {
  if (asking) return;
  asking = true;
  try {
    session.set(sessionOf(await client.get<Session>(PATHS.login)));
  } catch {
    session.set((now) => (now.phase === "asking" ? { phase: "unknown", who: null } : now));
  }
  asking = false;
  if (session.get().phase === "unknown") setTimeout(() => void ask(), AGAIN_MS);
}

/** Throws what the server says against it. */
export async function logIn(key: string): Promise<void> {
  const who = await client.post<Session>(PATHS.login, { key });
  forget();
  session.set(who ? sessionOf(who) : { phase: "unknown", who: null });
}

export async function logOut(): Promise<void> {
  undoQueue.flush(); // with the last word of who goes
  try {
    await client.post(PATHS.logout);
  } catch {
    return; // still logged in: the page goes on and says that the server is away
  }
  session.set({ phase: "needed", who: null });
  forget();
}

/** What was shown to one reader is not the next one's. */
function forget(): void {
  queries.clear();
  client.forget();
}

export function startSession(): void {
  void ask();
  // Somebody may have logged in, or out, in another window.
  addEventListener("focus", () => void (session.get().phase !== "open" && ask()));
}
