// Who the reader is to the server, as a store. How that is found out and changed stands in session.ts.
//
//   asking ──no keys──> open ──401──> needed ──logged in──> in ──401, logged out──> needed
//     ├──a key that holds──────────────────────────────────> in
//     ├──none──────────────────────────> needed
//     └──no answer──> unknown ──asked again──> one of them        (the page shows that the server is away)
import type { Session } from "../api/types";
import { createStore, useStore } from "../lib/store";

export type SessionPhase = "asking" | "unknown" | "open" | "needed" | "in";

export interface SessionState {
  phase: SessionPhase;
  who: Session | null;
}

export const session = createStore<SessionState>({ phase: "asking", who: null });

export function sessionOf(answer: Session): SessionState {
  if (!answer.keys) return { phase: "open", who: null };
  const reads = answer.kind === "read" || answer.kind === "admin";
  return reads ? { phase: "in", who: answer } : { phase: "needed", who: null };
}

/** A call was refused for lack of a key. */
export function askedForKey(): void {
  session.set((now) => (now.phase === "needed" ? now : { phase: "needed", who: null }));
}

const changes = ({ phase, who }: SessionState): boolean => phase !== "in" || who?.kind === "admin";

/** There is a server to ask, and no reason to think that it refuses. */
export const isIn = (): boolean => !["asking", "needed"].includes(session.get().phase);
export const mayChange = (): boolean => changes(session.get());
export const useMayChange = (): boolean => changes(useStore(session));
export const useSession = (): SessionState => useStore(session);
