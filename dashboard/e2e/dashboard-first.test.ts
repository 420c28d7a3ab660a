// The first look: what a newcomer sees and can do, what a colleague sees who got the address, and what it costs to look.
import { execFileSync } from "node:child_process";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { holds, launch, reader, rows, shot, violations } from "./browser";
import { startProgram, type Program } from "./program";

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

it("nothing there yet: every view says what to do, and the line it gives works", async () => {
  const { page, complaints } = await reader(browser);
  for (const view of ["live", "users", "events", "pages", "pipeline"]) {
    await page.goto(`${program.url}/?view=${view}`);
    const line = page.locator(".copyline code", { hasText: `curl -s ${program.url}/events` });
    await line.waitFor();
    expect([view, await violations(page)]).toEqual([view, []]);
    await shot(page, `empty-${view}`);
  }
  await page.goto(program.url);
  expect(await page.getByRole("link", { name: "open the demo shop" }).getAttribute("href")).toBe("/demo");
  execFileSync("sh", ["-c", (await page.locator(".copyline code").textContent())!]);
  await page.getByTestId("tile-total").getByText("1", { exact: true }).waitFor();
  await page.getByText(/^1 events? came in/).waitFor();
  // Ten seconds of silence later the promise is kept.
  await rows(page, "ann").locator(".severity", { hasText: "Low" }).waitFor();
  expect(complaints).toEqual([]);
});

async function fill(): Promise<void> {
  const visit = (user_id: string, page: string) => ({ user_id, page, action: "page_view" });
  for (const user of ["bea", "cem", "dot"]) await program.send([...Array(4)].map(() => visit(user, user === "dot" ? "/help" : "/pricing")));
}

it("everything is there after the first round of polls", async () => {
  await fill();
  const { page } = await reader(browser);
  const asked = new Set<string>();
  // Each call is answered once; a second round never comes back.
  await page.route("**/{api,ready}/**", (route) => {
    const path = route.request().url();
    if (asked.has(path)) return; // held for ever
    asked.add(path);
    return route.continue();
  });
  await page.goto(program.url);
  await rows(page, "bea").waitFor();
  await page.locator(".tile-value", { hasText: /^\d/ }).nth(5).waitFor();
  await page.locator(".short li").first().waitFor();
  const shown = await page.evaluate(() => {
    const [load] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    return { from: load!.startTime, now: performance.now() };
  });
  console.log(`content after at most ${Math.round(shown.now)} ms`);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

const state = async (page: Page) => ({
  rows: await rows(page).allTextContents().then((all) => all.map((text) => text.replace(/now|\d+ (s|min)|Resolve$/g, ""))),
  chosen: await page.locator(".filters select").evaluateAll((all) => all.map((one) => (one as HTMLSelectElement).value)),
  typed: await page.locator("[data-search]").inputValue(),
  chips: await page.locator(".chip").allTextContents(),
  says: await page.locator(".panel-says").allTextContents(),
});

it("the address says it all: filters, text and what is opened, for a colleague too", async () => {
  const mine = await reader(browser);
  await mine.page.goto(program.url);
  await rows(mine.page, "bea").waitFor();
  await mine.page.getByLabel("Type", { exact: true }).selectOption("navigation-loop");
  await mine.page.getByLabel("Severity", { exact: true }).selectOption("high");
  await mine.page.getByLabel("State", { exact: true }).selectOption("open");
  await rows(mine.page, "bea").getByText("/pricing", { exact: true }).click();
  await mine.page.locator(".chip", { hasText: "/pricing" }).waitFor();
  await mine.page.locator("[data-search]").fill("pricing 4 times");
  await holds(mine.page, () => location.search.includes("q="), null);
  await rows(mine.page, "dot").waitFor({ state: "detached" });
  await rows(mine.page, "cem").locator(".row-says").click();
  await mine.page.locator(".panel-says").waitFor();

  const theirs = await reader(browser);
  await theirs.page.goto(mine.page.url());
  await theirs.page.locator(".panel-says").waitFor();
  await rows(theirs.page).first().waitFor();
  expect(await state(theirs.page)).toEqual(await state(mine.page));
  expect((await state(theirs.page)).rows).toHaveLength(2);

  // Back goes the same way back.
  await mine.page.goBack();
  await mine.page.getByTestId("panel").waitFor({ state: "detached" });
  await theirs.page.keyboard.press("x");
  await rows(theirs.page, "dot").first().waitFor();
});

it("looking at what does not change costs 304s", async () => {
  const { page } = await reader(browser);
  const seen = new Map<string, number[]>();
  page.on("response", (answer) => {
    const { pathname } = new URL(answer.url());
    if (pathname.startsWith("/api/")) seen.set(pathname, [...(seen.get(pathname) ?? []), answer.status()]);
  });
  await page.goto(program.url);
  for (let i = 0; i < 3; i++) await page.waitForResponse((answer) => answer.url().includes("/api/patterns?limit=100") && answer.status() === 304);
  expect(seen.get("/api/pages")).toEqual(expect.arrayContaining([200, 304]));
  for (const [path, statuses] of seen) expect([path, statuses.filter((one) => one !== 200 && one !== 304)]).toEqual([path, []]);
  const [first] = seen.get("/api/patterns") ?? [];
  expect(first).toBe(200);
});
