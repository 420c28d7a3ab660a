// The clock of a running checkout: how much is left, and of what, at a moment. The deadline is the store's time;
// `now` must be too (state/clock.ts).
import type { Checkout } from "../api/types";

export interface Countdown {
  leftMs: number;
  /** 1 when armed, 0 when over. */
  part: number;
  urgent: boolean;
  over: boolean;
}

const URGENT_MS = 15_000;

export function countdownOf(checkout: Pick<Checkout, "started_at" | "deadline">, now: number, windowMs = 60_000): Countdown {
  const leftMs = Math.max(0, checkout.deadline - now);
  const whole = Math.max(windowMs, 1);
  return { leftMs, part: Math.min(1, leftMs / whole), urgent: leftMs > 0 && leftMs <= URGENT_MS, over: leftMs === 0 };
}

const STAGES = ["", "cart", "checkout", "payment"] as const;

export function stageName(depth: number): string {
  return STAGES[depth] ?? "checkout";
}
