import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSender, retryAfter, type Sent, type State } from "./sender";

// The network: what was asked, and what is answered, in turn; the last answer is repeated.
interface Asked {
  url: string;
  body: { sent_at: number; events: Sent[] };
  init: RequestInit;
  at: number;
}
const asked: Asked[] = [];
const beacons: { url: string; body: string }[] = [];
const told: [State, string[]][] = [];
let answers: (() => Response)[] = [];
let beaconWorks = true;

const status = (code: number, headers = {}, body = "{}") => () => new Response(body, { status: code, headers });
const lost = (): Response => {
  throw new TypeError("Failed to fetch");
};
const event = (id: string, more = {}): Sent => ({ event_id: id, action: "click", ...more });
const make = (key = "") => createSender("https://lens.example/events/batch", key, (state, events) => told.push([state, events.map((e) => e.event_id)]));
const idsOf = (state: State): string[] => told.filter(([s]) => s === state).flatMap(([, ids]) => ids);
const askedIds = (): string[][] => asked.map(({ body }) => body.events.map((e) => e.event_id));

beforeEach(() => {
  vi.useFakeTimers();
  for (const list of [asked, beacons, told]) list.length = 0;
  answers = [status(202)];
  beaconWorks = true;
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ url, init, body: JSON.parse(init.body as string) as Asked["body"], at: Date.now() });
    return (answers.length > 1 ? answers.shift()! : answers[0]!)();
  });
  vi.stubGlobal("navigator", {
    sendBeacon: (url: URL, body: string) => {
      if (beaconWorks) beacons.push({ url: String(url), body });
      return beaconWorks;
    },
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("batches", () => {
  it("gathers for a quarter of a second", async () => {
    const s = make();
    s.push(event("a"));
    await vi.advanceTimersByTimeAsync(200);
    s.push(event("b"));
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(50);
    expect(askedIds()).toEqual([["a", "b"]]);
    expect(idsOf("sent")).toEqual(["a", "b"]);
    expect(asked[0]!.body.sent_at).toBe(Date.now());
  });
  it("a full batch does not wait, and none is larger", async () => {
    const s = make();
    for (let i = 0; i < 120; i++) s.push(event(`e${i}`));
    await vi.advanceTimersByTimeAsync(0);
    expect(asked[0]!.body.events.length).toBe(50);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked.map(({ body }) => body.events.length)).toEqual([50, 50, 20]);
    expect(idsOf("sent")).toEqual(Array.from({ length: 120 }, (_, i) => `e${i}`));
  });
  it("no body is over 60 kB", async () => {
    const s = make();
    for (let i = 0; i < 20; i++) s.push(event(`e${i}`, { metadata: { text: "ä".repeat(4000) } }));
    await vi.advanceTimersByTimeAsync(1000);
    for (const { init } of asked) expect(new TextEncoder().encode(init.body as string).length).toBeLessThanOrEqual(60_100);
    expect(askedIds().flat().length).toBe(20);
  });
  it("one request at a time", async () => {
    let open: (answer: Response) => void = () => {};
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      asked.push({ url: "", init, body: JSON.parse(init.body as string) as Asked["body"], at: 0 });
      return new Promise<Response>((take) => (open = take));
    });
    const s = make();
    s.push(event("a"));
    await vi.advanceTimersByTimeAsync(250);
    s.push(event("b"));
    await vi.advanceTimersByTimeAsync(5000);
    expect(askedIds()).toEqual([["a"]]);
    open(new Response("{}", { status: 202 }));
    await vi.advanceTimersByTimeAsync(250);
    expect(askedIds()).toEqual([["a"], ["b"]]);
  });
  it("the key is a bearer, and without one nothing needs a preflight", async () => {
    make("secret").push(event("a"));
    make().push(event("b"));
    await vi.advanceTimersByTimeAsync(250);
    expect(asked.map(({ init }) => init.headers)).toEqual([{ "Content-Type": "text/plain", Authorization: "Bearer secret" }, { "Content-Type": "text/plain" }]);
    expect(asked[0]!.init).toMatchObject({ keepalive: true, method: "POST" });
  });
});

it("only an event that had to wait carries its time: clocks of visitors are wrong", async () => {
  answers = [lost, lost, status(202)];
  const s = make();
  const begun = Date.now();
  s.push(event("a"));
  await vi.advanceTimersByTimeAsync(5_000);
  const times = asked.map(({ body }) => body.events[0]!["timestamp"]);
  expect([times[0], times[2]]).toEqual([undefined, begun]);
  expect(asked[2]!.body.sent_at).toBe(asked[2]!.at);
});

describe("answers", () => {
  it.each([
    ["no answer", lost],
    ["500", status(500)],
    ["408", status(408)],
    ["429", status(429)],
    ["503", status(503)],
  ])("%s: again, later and later, with the same ids", async (_, bad) => {
    answers = [bad, bad, bad, status(202)];
    const s = make();
    s.push(event("a"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(askedIds()).toEqual([["a"], ["a"], ["a"], ["a"]]);
    const waits = asked.slice(1).map(({ at }, i) => at - asked[i]!.at);
    waits.forEach((wait, i) => {
      expect(wait).toBeGreaterThanOrEqual(500 * 2 ** i);
      expect(wait).toBeLessThanOrEqual(1000 * 2 ** i);
    });
    expect(idsOf("retry")).toEqual(["a", "a", "a"]);
    expect(idsOf("sent")).toEqual(["a"]);
  });
  it("what comes meanwhile waits too, and keeps its order", async () => {
    answers = [lost, status(202)];
    const s = make();
    s.push(event("a"));
    await vi.advanceTimersByTimeAsync(250);
    s.push(event("b"));
    await vi.advanceTimersByTimeAsync(450);
    expect(asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(askedIds()).toEqual([["a"], ["a", "b"]]);
  });
  it("the back-off has a ceiling of a minute", async () => {
    answers = [lost];
    make().push(event("a"));
    await vi.advanceTimersByTimeAsync(3_600_000);
    const waits = asked.slice(1).map(({ at }, i) => at - asked[i]!.at);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
    expect(asked.length).toBeGreaterThan(60);
  });
  it("Retry-After is obeyed, also by beacons", async () => {
    answers = [status(503, { "Retry-After": "30" }), status(202)];
    const s = make();
    s.push(event("a"));
    await vi.advanceTimersByTimeAsync(29_000);
    s.leave();
    expect([asked.length, beacons.length]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(askedIds()).toEqual([["a"], ["a"]]);
  });
  it("400 is final", async () => {
    answers = [status(400)];
    make().push(event("a"));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked.length).toBe(1);
    expect(idsOf("dropped")).toEqual(["a"]);
  });
  it("207 is final, and names the refused", async () => {
    answers = [status(207, {}, '{"errors":[{"index":1,"error":{}}]}')];
    const s = make();
    for (const id of ["a", "b", "c"]) s.push(event(id));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked.length).toBe(1);
    expect([idsOf("dropped"), idsOf("sent")]).toEqual([["b"], ["a", "c"]]);
  });
  it("413 halves until it fits; one event that is too large is dropped", async () => {
    vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
      const body = JSON.parse(init.body as string) as Asked["body"];
      asked.push({ url: "", init, body, at: 0 });
      const fits = body.events.length <= 2 && !body.events.some((e) => e.event_id === "big");
      return new Response("{}", { status: fits ? 202 : 413 });
    });
    const s = make();
    for (const id of ["a", "b", "c", "big", "d"]) s.push(event(id));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(idsOf("sent")).toEqual(["a", "b", "c", "d"]);
    expect(idsOf("dropped")).toEqual(["big"]);
  });
  it.each([401, 403, 404, 415])("%i is not repeated", async (code) => {
    answers = [status(code)];
    make().push(event("a"));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(asked.length).toBe(1);
    expect(idsOf("dropped")).toEqual(["a"]);
  });
  it("the queue is bounded, and the oldest give way", async () => {
    answers = [lost];
    const s = make();
    for (let i = 0; i < 700; i++) s.push(event(`e${i}`));
    await vi.advanceTimersByTimeAsync(0);
    expect(idsOf("dropped").slice(0, 2)).toEqual(["e0", "e1"]);
    answers = [status(202)];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(new Set(idsOf("sent")).size).toBe(500);
    expect(idsOf("sent").at(-1)).toBe("e699");
  });
});

describe("leaving", () => {
  it("what waits goes by beacon, with the key in the address", async () => {
    const s = make("a/b");
    s.push(event("a"));
    s.leave();
    expect(beacons.map(({ url }) => url)).toEqual(["https://lens.example/events/batch?key=a%2Fb"]);
    expect((JSON.parse(beacons[0]!.body) as Asked["body"]).events).toEqual([event("a")]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([]);
  });
  it("beacons are bounded too", () => {
    const s = make();
    for (let i = 0; i < 20; i++) s.push(event(`e${i}`, { metadata: { text: "x".repeat(8000) } }));
    s.leave();
    expect(beacons.length).toBe(3);
    for (const { body } of beacons) expect(body.length).toBeLessThanOrEqual(60_100);
  });
  it("without beacons a request that outlives the page", async () => {
    beaconWorks = false;
    const s = make();
    s.push(event("a"));
    s.leave();
    await vi.advanceTimersByTimeAsync(0);
    expect(askedIds()).toEqual([["a"]]);
    expect(asked[0]!.init.keepalive).toBe(true);
  });
  it("while requests fail a beacon is a copy", async () => {
    answers = [lost, status(202)];
    const s = make();
    s.push(event("a"));
    await vi.advanceTimersByTimeAsync(300);
    s.leave();
    expect(beacons.length).toBe(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(askedIds()).toEqual([["a"], ["a"]]);
  });
  it("nothing waits, nothing leaves", () => {
    make().leave();
    expect(beacons).toEqual([]);
  });
});

it.each([
  ["7", 7000],
  ["0", 0],
  [null, 0],
  ["soon", 0],
  ["-5", 0],
  ["99999999999", 86_400_000],
])("Retry-After %j is %i ms", (value, ms) => expect(retryAfter(value)).toBe(ms));

it("Retry-After as a date", () => {
  vi.setSystemTime(new Date("2030-01-01T00:00:00Z"));
  expect(retryAfter("Tue, 01 Jan 2030 00:00:42 GMT")).toBe(42_000);
});
