import { expect, it } from "vitest";
import type { Sent } from "../track";
import { about, withNews, type Shown } from "./events";

const event = (id: string, more: Partial<Sent> = {}): Sent => ({ event_id: id, action: "click", page: "/cart", ...more });
const short = (list: Shown[]): string => list.map(({ event: { event_id }, state }) => `${event_id} ${state}`).join(", ");

it("new events come first, a known one changes in place", () => {
  let list = withNews([], "queued", [event("a")]);
  list = withNews(list, "queued", [event("b")]);
  list = withNews(list, "sent", [event("a")]);
  expect(short(list)).toBe("b queued, a sent");
});

it("what was sent before anybody looked is shown too", () => {
  expect(short(withNews([], "sent", [event("a"), event("b")]))).toBe("b sent, a sent");
});

it("is bounded", () => {
  const list = withNews([], "queued", Array.from({ length: 100 }, (_, i) => event(String(i))));
  expect(list.length).toBe(40);
  expect(list[0]!.event.event_id).toBe("99");
});

it.each([
  [{ metadata: { target: "button#buy", x: 1 } }, "button#buy"],
  [{ metadata: { field: "email", form: "form#address" } }, "email"],
  [{ metadata: { duration_ms: 10_004 } }, "10 s"],
  [{ metadata: { depth: 50 } }, "50 %"],
  [{ metadata: { depth: 50, time_ms: 1 } }, "/cart"],
  [{}, "/cart"],
])("%j is about %s", (more, text) => expect(about(event("a", more))).toBe(text));
