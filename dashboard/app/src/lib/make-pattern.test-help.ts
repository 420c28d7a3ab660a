import type { Pattern } from "../api/types";

/** A pattern for tests: only what matters is named. */
export function makePattern(part: Partial<Pattern> = {}): Pattern {
  const at = part.detected_at ?? 1_000;
  return {
    pattern_id: `p${at}`,
    type: "hesitation",
    variant: null,
    user_id: "ann",
    session_id: "s",
    page: "/pricing",
    severity: "low",
    explanation: "User paused.",
    detected_at: at,
    updated_at: at,
    resolved: false,
    resolved_at: null,
    resolution: null,
    evidence: { events: [] },
    ...part,
  };
}
