// The wire between this page and `serve`: one client, one query cache, one connection state that all of them feed.
import { QueryClient } from "@tanstack/react-query";
import { createClient } from "../api/client";
import { createStore, useStore } from "../lib/store";
import { noteServerDate, useNow } from "./clock";
import { type Connection, next, phaseOf, type Signal, START } from "./connection";
import { askedForKey } from "./session-store";

export const connection = createStore<Connection>(START);

export function signal(what: Signal): void {
  connection.set((now) => next(now, what));
}

export const client = createClient({
  fetch: (path, init) => fetch(path, init),
  refused: askedForKey,
  report(outcome) {
    if (outcome.ok) {
      noteServerDate(outcome.date);
      signal({ type: "ok", at: Date.now() });
    } else {
      signal({ type: "failed", at: Date.now(), reason: outcome.reason });
    }
  },
});

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: false, // the next poll is the retry
      networkMode: "always", // loopback works without a network
      gcTime: 30_000,
      staleTime: 1_000,
      refetchOnWindowFocus: true,
    },
  },
});

export const useConnection = (): Connection => useStore(connection);

export const isOffline = (): boolean => phaseOf(connection.get(), Date.now()) === "offline";
export const useOffline = (): boolean => phaseOf(useConnection(), useNow()) === "offline";

export function togglePaused(): void {
  signal({ type: "paused", paused: !connection.get().paused });
}
