// `serve` goes away and comes back while people watch and the world goes on: the page says since when it is blind,
// finds its way back by itself, and its feed has everything once: what came before, meanwhile and after.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { holds, launch, phase, reader, rows, shot, until, type Reader } from "./browser";
import { startParts, type Event, type Parts } from "./program";

let parts: Parts;
let browser: Browser;
let polling: Reader, live: Reader;

beforeAll(async () => {
  parts = await startParts();
  browser = await launch();
  [polling, live] = await Promise.all([reader(browser), reader(browser, { live: true })]);
});
afterAll(async () => {
  await browser?.close();
  await parts?.close();
});

const users: string[] = [];
let made = 0;

/** One pattern each of so many new users, by the `serve` that stays; waits until all are stored. */
async function make(count: number): Promise<void> {
  const events: Event[] = [];
  for (let i = 0; i < count; i++) {
    const user = `shopper-${String(++made).padStart(4, "0")}`;
    users.push(user);
    events.push({ user_id: user, action: "dead_click", page: "/shelf", metadata: { target: "the lamp" } });
  }
  expect(await parts.other.send(events)).toBe(202);
  await until(`${made} patterns`, async () => (await parts.other.get<{ patterns_detected: number }>("/api/metrics")).patterns_detected === made);
}

/** Every row of the feed, in order, by scrolling through it: its place in the list and its user. Older pages come while one scrolls. */
async function wholeFeed(page: Page, count: number): Promise<string[]> {
  const list = page.getByTestId("feed");
  await list.evaluate((el) => el.scrollTo({ top: 0 }));
  const found = new Map<number, string>();
  for (;;) {
    const seen = await page.evaluate(() => {
      const el = document.querySelector("[data-testid=feed]")!;
      const rows = [...el.querySelectorAll("[role=listitem]")];
      return {
        all: Number(rows[0]?.getAttribute("aria-setsize") ?? 0),
        top: el.scrollTop,
        rows: rows.map((row) => [Number(row.getAttribute("aria-posinset")), row.querySelector(".row-user")?.textContent ?? ""] as const),
      };
    });
    for (const [place, user] of seen.rows) found.set(place, user);
    if (found.size >= seen.all && seen.all >= count) return [...found].sort(([a], [b]) => a - b).map(([, user]) => user);
    await list.evaluate((el) => el.scrollBy({ top: el.clientHeight }));
    await holds(
      page,
      ([top, all]) => {
        const el = document.querySelector("[data-testid=feed]")!;
        return el.scrollTop !== top || Number(el.querySelector("[role=listitem]")?.getAttribute("aria-setsize")) !== all;
      },
      [seen.top, seen.all] as const,
    );
  }
}

async function cutAndMend(meanwhile: number): Promise<void> {
  await parts.cut();
  for (const { page } of [polling, live]) {
    await phase(page, "offline").waitFor();
    expect(await phase(page, "offline").textContent()).toMatch(/^Offline since \d\d:\d\d:\d\d$/);
    await page.locator("[role=alert]", { hasText: "What you see is as it was at" }).waitFor();
  }
  await shot(polling.page, "offline");
  await make(meanwhile);
  await parts.mend();
  await phase(polling.page, "polling").waitFor();
  await phase(live.page, "live").waitFor();
}

async function expectAllOnce(): Promise<void> {
  const newest = users.at(-1)!;
  for (const { page } of [polling, live]) {
    await rows(page, newest).waitFor();
    const feed = await wholeFeed(page, users.length);
    expect([...feed].sort()).toEqual(users);
  }
}

it("a few patterns meanwhile", { timeout: 120_000 }, async () => {
  await make(5);
  for (const { page } of [polling, live]) {
    await page.goto(parts.url);
    await rows(page, users[0]!).waitFor();
  }
  await phase(live.page, "live").waitFor();
  await cutAndMend(7);
  await expectAllOnce();
  await make(1);
  await expectAllOnce();
});

it("more meanwhile than one poll brings", { timeout: 120_000 }, async () => {
  await cutAndMend(230);
  await make(3);
  await expectAllOnce();
});

it("the browsers had nothing to complain about", () => expect([polling, live].flatMap((one) => one.complaints)).toEqual([]));
