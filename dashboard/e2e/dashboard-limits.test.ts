// Left open for a day, and with all there is in the feed: memory, elements and bytes have bounds.
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { holds, launch, phase, reader, rows, shot, until } from "./browser";
import { startProgram, type Event, type Program } from "./program";

const ROWS = 10_000; // the most that a feed holds
const POLLS = 1_800; // an hour of them
const WARM_UP = 200; // caches fill, code is compiled
const HEAP_GROWTH_MAX = 1_500_000; // bytes; each poll asks six things, and 150 bytes kept of each would be more
const HEAP_PER_PATTERN = 4_000; // which the feed holds: more come the longer it takes
const NODES_GROWTH_MAX = 400;
const ELEMENTS_MAX = 1_500;

let program: Program;
let browser: Browser;
beforeAll(async () => {
  program = await startProgram();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await program?.close();
});

const deadClick = (user_id: string): Event => ({ user_id, action: "dead_click", page: "/shelf", metadata: { target: "the lamp" } });
const patterns = (n: number): Promise<void> =>
  until(`${n} patterns`, async () => (await program.get<{ patterns_detected: number }>("/api/metrics")).patterns_detected >= n, 300_000);

interface Weight {
  heap: number;
  nodes: number;
  listeners: number;
}

/** Paused, so that nothing is on its way. */
async function weigh(page: Page, cdp: CDPSession): Promise<Weight> {
  await page.keyboard.press("p");
  await phase(page, "paused").waitFor();
  await page.waitForLoadState("networkidle");
  for (let i = 0; i < 3; i++) await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  await page.keyboard.press("p");
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}

/** Polls follow each other as fast as they are answered, and are counted. */
async function hurry(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const [interval, ask] = [window.setInterval, window.fetch];
    const counts = { polls: 0, fresh: 0 };
    Object.assign(window, { counts });
    window.setInterval = ((act: () => void, ms: number) => interval(act, ms === 2_000 ? 5 : ms)) as typeof setInterval;
    window.fetch = async (...args) => {
      const answer = await ask(...args);
      if (String(args[0]).startsWith("/api/patterns?limit=100")) {
        counts.polls++;
        if (answer.status === 200) counts.fresh++;
      }
      return answer;
    };
  });
}

const polled = (page: Page, n: number) => holds(page, (wanted) => (window as unknown as { counts: { polls: number } }).counts.polls >= wanted, n, 900_000);

it(`${POLLS} polls leave nothing behind`, { timeout: 1_800_000 }, async () => {
  // As many patterns as one poll brings: what comes in pushes out what is older.
  await program.send(Array.from({ length: 120 }, (_, i) => deadClick(`early-${i}`)));
  await patterns(120);
  const { page, context } = await reader(browser);
  await hurry(page);
  await page.goto(program.url);
  await rows(page).first().waitFor();
  const cdp = await context.newCDPSession(page);

  // The world goes on: old users act, and now and then there is a pattern more.
  let going = true;
  let sent = 0;
  let sentBefore = 0;
  const world = (async () => {
    while (going) {
      sent++;
      await program.send([{ user_id: `early-${sent % 50}`, action: "scroll", page: `/page-${sent % 7}` }, ...(sent % 20 ? [] : [deadClick(`late-${sent}`)])]);
      await new Promise((wake) => setTimeout(wake, 100));
    }
  })();
  let before: Weight;
  let after: Weight;
  try {
    await polled(page, WARM_UP);
    before = await weigh(page, cdp);
    sentBefore = sent;
    await polled(page, WARM_UP + POLLS);
    after = await weigh(page, cdp);
  } finally {
    going = false;
    await world;
  }

  const counts = await page.evaluate(() => (window as unknown as { counts: { polls: number; fresh: number } }).counts);
  console.log(`heap ${before.heap} -> ${after.heap} bytes, nodes ${before.nodes} -> ${after.nodes}, ${counts.fresh} of ${counts.polls} polls brought something`);
  expect(counts.fresh).toBeGreaterThan(5);
  expect(after.heap - before.heap).toBeLessThan(HEAP_GROWTH_MAX + (HEAP_PER_PATTERN * (sent - sentBefore)) / 20);
  expect(after.nodes - before.nodes).toBeLessThan(NODES_GROWTH_MAX);
  expect(after.listeners - before.listeners).toBeLessThan(50);
  await context.close();
});

it(`${ROWS} rows: those on the screen exist`, { timeout: 900_000 }, async () => {
  const { patterns_detected } = await program.get<{ patterns_detected: number }>("/api/metrics");
  const clicks = Array.from({ length: ROWS }, (_, i) => deadClick(`shopper-${i}`));
  // A slow machine answers 503, and a client repeats: a second dead click of a user makes no second pattern.
  await until("all are taken", async () => (await program.send(clicks)) === 202, 180_000);
  await patterns(patterns_detected + ROWS);
  const { page, complaints } = await reader(browser);
  await page.goto(program.url);
  await rows(page).first().waitFor();
  const list = page.getByTestId("feed");
  const held = () => list.locator("[role=listitem]").first().getAttribute("aria-setsize").then(Number);
  const elements = () => page.evaluate(() => document.querySelectorAll("*").length);

  const seen: number[] = [await elements()];
  while ((await held()) < ROWS) {
    const now = await held();
    await list.evaluate((el) => el.scrollTo({ top: el.scrollHeight }));
    await holds(page, (than) => Number(document.querySelector("[data-testid=feed] [role=listitem]")?.getAttribute("aria-setsize")) > than, now);
    seen.push(await elements());
  }
  expect(await held()).toBe(ROWS);
  await list.evaluate((el) => el.scrollTo({ top: el.scrollHeight }));
  await list.locator(`[aria-posinset="${ROWS}"]`).waitFor();
  for (const part of [0.5, 0.25, 0.9, 0]) {
    await list.evaluate((el, at) => el.scrollTo({ top: el.scrollHeight * at }), part);
    await holds(page, (at) => {
      const el = document.querySelector("[data-testid=feed]")!;
      const first = Math.floor(el.scrollTop / (el.scrollHeight / Number(el.querySelector("[role=listitem]")?.getAttribute("aria-setsize")))) + 1;
      return Boolean(el.querySelector(`[aria-posinset="${first}"]`)) && (at > 0 || first === 1);
    }, part);
    seen.push(await elements());
  }
  expect(Math.max(...seen)).toBeLessThan(ELEMENTS_MAX);

  // Still alive: what comes in now is the first row, and opens.
  await program.send([deadClick("the-latest")]);
  await rows(page, "the-latest").locator(".row-says").click();
  await page.getByTestId("panel").locator(".tl-detected").waitFor();
  await phase(page, "polling").waitFor();
  await shot(page, "ten-thousand");
  expect(complaints).toEqual([]);
});
