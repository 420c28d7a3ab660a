// Can what is on the screen be trusted? A pure state machine; the clock comes in.
//
//   connecting ──ok──> polling <──stream closed/switched off── live
//                        │  └──────stream open──────────────────^
//     failure (any) ────┴──> reconnecting ── OFFLINE_AFTER_MS of failures ──> offline since …
//     ok ──────────────────> polling or live again
//   paused lies over all of them while the reader wants to look at one moment.
//
// Invariant: `since` of offline is the time of the last good answer, not of the first failure: everything on the
// screen is as old as that.
export type StreamState = "off" | "opening" | "open" | "broken";

export interface Connection {
  lastOkAt: number | null;
  failingSince: number | null;
  reason: string | null;
  stream: StreamState;
  paused: boolean;
}

export type Signal =
  | { type: "ok"; at: number }
  | { type: "failed"; at: number; reason: string }
  | { type: "stream"; state: StreamState; at: number }
  | { type: "paused"; paused: boolean };

export type Phase = "connecting" | "polling" | "live" | "reconnecting" | "offline" | "paused";

export const OFFLINE_AFTER_MS = 3_500;
export const START: Connection = { lastOkAt: null, failingSince: null, reason: null, stream: "off", paused: false };

export function next(now: Connection, signal: Signal): Connection {
  switch (signal.type) {
    case "ok":
      return { ...now, lastOkAt: signal.at, failingSince: null, reason: null };
    case "failed":
      return { ...now, failingSince: now.failingSince ?? signal.at, reason: signal.reason };
    case "stream":
      return signal.state === "open"
        ? { ...now, stream: "open", lastOkAt: signal.at, failingSince: null, reason: null }
        : { ...now, stream: signal.state };
    case "paused":
      return { ...now, paused: signal.paused };
  }
}

export function phaseOf(c: Connection, at: number): Phase {
  if (c.paused) return "paused";
  if (c.failingSince !== null) return at - c.failingSince >= OFFLINE_AFTER_MS ? "offline" : "reconnecting";
  if (c.stream === "open") return "live";
  if (c.stream === "broken") return "reconnecting";
  return c.lastOkAt === null ? "connecting" : "polling";
}
