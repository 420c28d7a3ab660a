// Resolving: one key, five seconds to think better of it, and then everybody sees it, however they look.
import type { Browser, Request } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { launch, phase, reader, rows, shot, until, type Reader } from "./browser";
import { startProgram, type Program } from "./program";

let program: Program;
let browser: Browser;
let mine: Reader, polling: Reader, live: Reader;
const patches: { url: string; at: number }[] = [];

beforeAll(async () => {
  program = await startProgram("rules: {hesitation: off}\n"); // one pattern a person, however slow the machine
  browser = await launch();
  [mine, polling, live] = await Promise.all([reader(browser), reader(browser), reader(browser, { live: true })]);
  const note = (request: Request): void => void (request.method() === "PATCH" && patches.push({ url: request.url(), at: Date.now() }));
  mine.context.on("request", note);
  for (const { page } of [mine, polling, live]) await page.goto(program.url);
  await phase(mine.page, "polling").waitFor();
  await phase(polling.page, "polling").waitFor();
  await phase(live.page, "live").waitFor();
});
beforeEach(() => void patches.splice(0));
afterAll(async () => {
  await browser?.close();
  await program?.close();
});

const DELAY_MS = 5_000; // what the page promises

async function makeLoop(user: string): Promise<void> {
  const visit = { user_id: user, action: "page_view", page: `/${user}` };
  expect(await program.send([visit, visit, visit])).toBe(202);
  for (const { page } of [mine, polling, live]) await rows(page, user).locator(".state-open").waitFor();
}

/** Moves the selection, by keys alone, to this user's row. */
async function select(user: string): Promise<void> {
  const selected = mine.page.locator(".vrow-selected", { hasText: user });
  await mine.page.keyboard.press("j");
  for (let i = 0; i < 10 && (await selected.count()) === 0; i++) await mine.page.keyboard.press("j");
  for (let i = 0; i < 10 && (await selected.count()) === 0; i++) await mine.page.keyboard.press("k");
  await selected.waitFor();
}

it("r resolves, five seconds later, for all who watch", async () => {
  await makeLoop("ann");
  await select("ann");
  const asked = Date.now();
  await mine.page.keyboard.press("r");
  await mine.page.getByTestId("toast").filter({ hasText: "Navigation loop of ann" }).waitFor();
  await rows(mine.page, "ann").locator(".state-waiting").waitFor();
  await shot(mine.page, "resolve-undo");
  await rows(mine.page, "ann").locator(".state-done").waitFor();
  for (const { page } of [polling, live]) await rows(page, "ann").locator(".state-done").waitFor();
  expect(patches).toHaveLength(1);
  expect(patches[0]!.at - asked).toBeGreaterThanOrEqual(DELAY_MS - 50);
  const [pattern] = await program.get<{ resolved: boolean; resolution: string }[]>("/api/patterns?user_id=ann");
  expect(pattern).toMatchObject({ resolved: true, resolution: "manual" });
  await mine.page.getByTestId("toast").waitFor({ state: "detached" });
});

it("u takes it back, and nothing is sent", async () => {
  await makeLoop("bob");
  await makeLoop("cat");
  await select("bob");
  await mine.page.keyboard.press("r");
  await mine.page.getByTestId("toast").waitFor();
  await mine.page.keyboard.press("u");
  await mine.page.getByTestId("toast").waitFor({ state: "detached" });
  await rows(mine.page, "bob").locator(".state-open").waitFor();
  // What was asked for later is sent; by then bob's time is over.
  await select("cat");
  await mine.page.keyboard.press("r");
  await rows(live.page, "cat").locator(".state-done").waitFor();
  const [cat] = await program.get<{ pattern_id: string }[]>("/api/patterns?user_id=cat");
  expect(patches.map(({ url }) => url)).toEqual([`${program.url}/api/patterns/${cat!.pattern_id}/resolve`]);
  expect(await program.get("/api/patterns?user_id=bob")).toMatchObject([{ resolved: false }]);
});

it("who leaves before the time is up has it sent at once", async () => {
  await makeLoop("dan");
  await select("dan");
  await mine.page.keyboard.press("r");
  await mine.page.getByTestId("toast").waitFor();
  await mine.page.goto(`${program.url}/openapi.json`);
  await until("dan is resolved", async () => (await program.get<{ resolved: boolean }[]>("/api/patterns?user_id=dan"))[0]!.resolved);
  await rows(polling.page, "dan").locator(".state-done").waitFor();
  await mine.page.goBack();
  await rows(mine.page, "dan").locator(".state-done").waitFor();
});

it("the open pattern has the button, and undo beside it", async () => {
  await makeLoop("eve");
  await rows(mine.page, "eve").locator(".row-says").click();
  const panel = mine.page.getByTestId("panel");
  await panel.getByRole("button", { name: "Resolve" }).click();
  await panel.getByRole("button", { name: "Undo" }).click();
  await panel.getByRole("button", { name: "Resolve" }).waitFor();
  expect(patches).toEqual([]);
});

it("the browsers had nothing to complain about", () => expect([mine, polling, live].flatMap((one) => one.complaints)).toEqual([]));
