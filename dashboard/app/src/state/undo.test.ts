import { beforeEach, describe, expect, test, vi } from "vitest";
import { createUndoQueue, DELAY_MS } from "./undo";

function world(send: (id: string, leaving: boolean) => Promise<void> = async () => {}) {
  const sent = vi.fn(send);
  const queue = createUndoQueue({
    now: () => Date.now(),
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    send: sent,
  });
  return { queue, sent, phases: () => queue.items.get().map((item) => `${item.id} ${item.phase}`) };
}

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

describe("the undo queue", () => {
  test("sends after the time to think, not before", async () => {
    const { queue, sent, phases } = world();
    queue.add("a", "A");
    await vi.advanceTimersByTimeAsync(DELAY_MS - 1);
    expect(sent).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toHaveBeenCalledExactlyOnceWith("a", false);
    expect(phases()).toEqual([]);
  });

  test("what was undone is never sent", async () => {
    const { queue, sent } = world();
    queue.add("a", "A");
    expect(queue.undo("a")).toBe("a");
    await vi.advanceTimersByTimeAsync(DELAY_MS * 2);
    expect(sent).not.toHaveBeenCalled();
  });

  test("undo without a name takes back the latest", () => {
    const { queue, phases } = world();
    queue.add("a", "A");
    queue.add("b", "B");
    expect(queue.undo()).toBe("b");
    expect(phases()).toEqual(["a waiting"]);
    expect(queue.undo()).toBe("a");
    expect(queue.undo()).toBeNull();
  });

  test("asked twice is one item, sent once", async () => {
    const { queue, sent } = world();
    queue.add("a", "A");
    queue.add("a", "A");
    await vi.advanceTimersByTimeAsync(DELAY_MS * 2);
    expect(sent).toHaveBeenCalledTimes(1);
  });

  test("too late to undo while it is being sent", async () => {
    const { queue, phases } = world(() => new Promise(() => {}));
    queue.add("a", "A");
    await vi.advanceTimersByTimeAsync(DELAY_MS);
    expect(phases()).toEqual(["a sending"]);
    expect(queue.undo("a")).toBeNull();
  });

  test("a failure stays visible and can be repeated", async () => {
    let broken = true;
    const { queue, sent, phases } = world(async () => {
      if (broken) throw new Error("away");
    });
    queue.add("a", "A");
    await vi.advanceTimersByTimeAsync(DELAY_MS);
    expect(phases()).toEqual(["a failed"]);
    expect(queue.items.get()[0]?.error).toBe("away");
    broken = false;
    queue.retry("a");
    await vi.advanceTimersByTimeAsync(0);
    expect(sent).toHaveBeenCalledTimes(2);
    expect(phases()).toEqual([]);
  });

  test("leaving the page sends what waits, once", async () => {
    const { queue, sent } = world();
    queue.add("a", "A");
    queue.flush();
    await vi.advanceTimersByTimeAsync(DELAY_MS * 2);
    expect(sent).toHaveBeenCalledExactlyOnceWith("a", true);
  });
});
