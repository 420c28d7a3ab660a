// What the shop itself tells the tracker. A blocker may have kept the script away: then nothing happens.
export function track(name: string, data?: Record<string, unknown>): void {
  (window as { behaviorlens?: { track(name: string, data?: Record<string, unknown>): void } }).behaviorlens?.track(name, data);
}

export interface Sent {
  event_id: string;
  action: string;
  page: string;
  metadata?: Record<string, unknown>;
}

/** Who we are to the tracker; undefined: it is not there. */
export const me = (): { user: string; session: string } | undefined => (window as { behaviorlens?: { user: string; session: string } }).behaviorlens;
