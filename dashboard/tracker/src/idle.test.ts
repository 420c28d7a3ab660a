import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { watchIdle } from "./idle";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("tells each level once", () => {
  const told: number[] = [];
  watchIdle((ms) => told.push(ms))("page_view");
  vi.advanceTimersByTime(9_999);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(600_000);
  expect(told).toEqual([10_000, 15_000, 30_000]);
});

it("starts anew with activity, and with the tab coming back", () => {
  const told: number[] = [];
  const saw = watchIdle((ms) => told.push(ms));
  saw("page_view");
  vi.advanceTimersByTime(9_000);
  saw("click");
  vi.advanceTimersByTime(9_000);
  saw("tab_visible");
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([10_000]);
});

it("is not moved by what is no activity", () => {
  const told: number[] = [];
  const saw = watchIdle((ms) => told.push(ms));
  saw("page_view");
  for (const action of ["error", "api_error", "page_performance", "dead_click", "idle"]) {
    vi.advanceTimersByTime(1_000);
    saw(action);
  }
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([10_000]);
});

it.each(["tab_hidden", "page_exit"])("%s ends it", (action) => {
  const told: number[] = [];
  const saw = watchIdle((ms) => told.push(ms));
  saw("page_view");
  saw(action);
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});

it("a timer that comes late tells once, with all the time", () => {
  const told: number[] = [];
  watchIdle((ms) => told.push(ms))("page_view");
  vi.setSystemTime(Date.now() + 3_600_000); // the laptop slept
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual([3_610_000]);
  vi.advanceTimersByTime(60_000);
  expect(told.length).toBe(1);
});
