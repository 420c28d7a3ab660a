// Patterns detected about this visitor: asked for every second while the tab is visible. An unchanged answer costs a 304.
export interface Pattern {
  pattern_id: string;
  type: string;
  severity: "low" | "medium" | "high";
  page: string;
  explanation: string;
  detected_at: number;
  resolved: boolean;
  resolution: string | null;
}

const EVERY_MS = 1_000;
const ANSWER_MS = 5_000;

/** `tell` gets the list, newest first, when it changed; undefined: the server is away. */
export function pollPatterns(user: string, tell: (patterns: Pattern[] | undefined) => void): void {
  const address = `/api/patterns?limit=50&user_id=${encodeURIComponent(user)}`;
  let tag = "";

  const ask = async (): Promise<void> => {
    const answer = await fetch(address, { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {}, signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.status === 304) return;
    if (!answer.ok) throw new Error(String(answer.status));
    tag = answer.headers.get("ETag") ?? "";
    tell((await answer.json()) as Pattern[]);
  };
  const turn = (): void => {
    const asked = document.hidden ? Promise.resolve() : ask();
    asked
      .catch(() => {
        tag = "";
        tell(undefined);
      })
      .finally(() => setTimeout(turn, EVERY_MS));
  };
  turn();
}
