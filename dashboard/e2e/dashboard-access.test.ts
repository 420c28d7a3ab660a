// For everybody: axe finds nothing in any view, light and dark, wide and narrow; and the keyboard alone does everything
// that the help promises, by the very table that the help is made from.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KEYS, type Deed } from "../app/src/keys/keys";
import { fits, holds, launch, phase, reader, rows, shot, until, violations } from "./browser";
import { startProgram, type Event, type Program } from "./program";

let program: Program;
let browser: Browser;

/** A little of everything that can be shown. */
function traffic(): Event[] {
  const events: Event[] = [];
  const act = (user_id: string, page: string, action: string, metadata?: object): void => void events.push({ user_id, page, action, ...(metadata ? { metadata } : {}) });
  for (let i = 0; i < 12; i++) {
    const user = `shopper-${i}`;
    for (let n = 0; n < 1 + (i % 4); n++) act(user, `/product/${i % 3}`, "page_view");
    if (i % 2) for (let n = 0; n < 5; n++) act(user, `/product/${i % 3}`, "click", { target: "button#buy" });
    if (i % 3 === 0) act(user, "/search", "dead_click", { target: "a#sale" });
    if (i % 4 === 0) act(user, "/checkout", "page_view");
    if (i % 4 === 0) act(user, "/checkout", "input_change", { form: "address", field: "street" });
    if (i === 4) act(user, "/help", "page_view");
    if (i === 8) act(user, "/checkout", "purchase");
  }
  return events;
}

beforeAll(async () => {
  program = await startProgram();
  browser = await launch();
  expect(await program.send(traffic())).toBe(202);
  expect(await program.post('{"user_id":"x","action":"dance","page":"/"}', "/events")).toBe(400);
  await until("an abandonment", async () => (await program.get<unknown[]>("/api/patterns?type=abandonment")).length > 0);
});
afterAll(async () => {
  await browser?.close();
  await program?.close();
});

const some = (path: string): Promise<string> => program.get<{ pattern_id: string }[]>(path).then(([one]) => one!.pattern_id);

let buyers = 0;

/** Somebody who has just reached the payment: the clock is running. */
async function newBuyer(): Promise<string> {
  const user_id = `buyer-${++buyers}`;
  expect(await program.send(["/cart", "/checkout", "/payment"].map((page) => ({ user_id, page, action: "page_view" })))).toBe(202);
  return `/?view=users&person=${user_id}`;
}

const states: [string, () => Promise<string>, (page: Page) => Promise<unknown>][] = [
  ["live", async () => "/", (page) => rows(page).first().waitFor()],
  ["sessions", async () => "/?view=users", (page) => page.getByTestId("user-row").first().waitFor()],
  ["events", async () => "/?view=events", (page) => page.getByTestId("event-row").first().waitFor()],
  ["event", async () => "/?view=events", async (page) => {
    await page.locator(".erow-action").first().click();
    await page.locator(".whole").waitFor();
  }],
  ["pages", async () => "/?view=pages", (page) => page.getByTestId("page-row").first().waitFor()],
  ["pipeline", async () => "/?view=pipeline", (page) => page.locator(".samples summary").first().click()],
  ["pattern", async () => `/?pattern=${await some("/api/patterns?type=rage-click")}`, (page) => page.locator(".tl-detected").first().waitFor()],
  ["abandonment", async () => `/?pattern=${await some("/api/patterns?type=abandonment")}`, (page) => page.locator(".tl-detected").first().waitFor()],
  ["user", newBuyer, (page) => page.getByTestId("countdown").waitFor()],
  ["filtered", async () => "/?severity=medium&type=rage-click&page=%2Fproduct%2F1&user=shopper-1&q=clicked", (page) => rows(page).first().waitFor()],
  ["nothing-fits", async () => "/?q=nobody", (page) => page.getByText("Nothing fits these filters").waitFor()],
  ["gone", async () => "/?pattern=none", (page) => page.getByText("This pattern is gone").waitFor()],
  ["keys", async () => "/", async (page) => {
    await rows(page).first().waitFor();
    await page.keyboard.press("?");
    await page.locator("dialog[open]").waitFor();
  }],
  ["undo", async () => "/?type=form-abandonment&state=open", async (page) => {
    await rows(page).first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("r");
    await page.getByTestId("toast").waitFor();
    await page.keyboard.press("p"); // as it is, for as long as it is looked at
    await phase(page, "paused").waitFor();
  }],
];

const looks = [
  ["light", "light", { width: 1440, height: 1000 }],
  ["dark", "dark", { width: 1440, height: 1000 }],
  ["light-narrow", "light", { width: 390, height: 844 }],
  ["dark-narrow", "dark", { width: 390, height: 844 }],
] as const;

describe("axe finds nothing", () => {
  let page: Page;
  let complaints: string[];
  beforeAll(async () => ({ page, complaints } = await reader(browser)));
  afterAll(() => expect(complaints).toEqual([]));

  it.each(states)("in the state %s", async (state, address, shows) => {
    await page.setViewportSize(looks[0][2]);
    await page.goto(program.url + (await address()));
    await shows(page);
    for (const [look, colorScheme, viewport] of looks) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await shot(page, `${state}-${look}`);
      expect([look, await violations(page)]).toEqual([look, []]);
      expect([look, await fits(page)]).toEqual([look, true]);
    }
  });
});

describe("the keyboard alone", () => {
  const theme = (page: Page) => page.evaluate(() => document.documentElement.dataset["theme"]);
  const at = (page: Page, search: string) => holds(page, (wanted) => location.search === wanted, search);
  const selected = (page: Page) => page.locator("[role=listitem][aria-current=true]");
  const place = async (page: Page): Promise<number> => Number(await selected(page).getAttribute("aria-posinset"));
  const view = (name: string) => async (page: Page, press: () => Promise<void>) => {
    await press();
    await page.locator(`nav a[aria-current=page]`, { hasText: new RegExp(`^${name}$`) }).waitFor();
  };

  const start = "?type=dead-click&state=open"; // patterns that stay open

  // What each key promises, kept. In the order of the table; each begins where the one before ended.
  const promises: Record<Deed, (page: Page, press: () => Promise<void>) => Promise<void>> = {
    async down(page, press) {
      await press();
      expect(await place(page)).toBe(1);
      await press();
      expect(await place(page)).toBe(2);
    },
    async up(page, press) {
      await press();
      expect(await place(page)).toBe(1);
    },
    async open(page, press) {
      const says = await selected(page).locator(".row-says").textContent();
      await press();
      await page.locator(".panel-says", { hasText: says! }).waitFor();
    },
    async close(page, press) {
      await press();
      await page.getByTestId("panel").waitFor({ state: "detached" });
      await at(page, start);
    },
    async resolve(page, press) {
      await press();
      await page.getByTestId("toast").waitFor();
    },
    async undo(page, press) {
      await press();
      await page.getByTestId("toast").waitFor({ state: "detached" });
    },
    async search(page, press) {
      await press();
      await page.keyboard.type("rage j r p"); // letters, while somebody types
      await at(page, `${start}&q=rage+j+r+p`);
      expect(await page.getByTestId("toast").count()).toBe(0);
      await page.keyboard.press("Escape");
    },
    async clear(page, press) {
      await press();
      await at(page, "");
      await rows(page).first().waitFor();
    },
    "live-view": view("Live"),
    "users-view": view("Sessions"),
    "events-view": view("Events"),
    "pages-view": view("Pages"),
    "pipeline-view": view("Pipeline"),
    async pause(page, press) {
      await press();
      await phase(page, "paused").waitFor();
      await press();
      await phase(page, "polling").waitFor();
    },
    async live(page, press) {
      await press();
      await phase(page, "live").waitFor();
      await press();
      await phase(page, "polling").waitFor();
    },
    async theme(page, press) {
      const seen = [];
      for (let i = 0; i < 3; i++) {
        await press();
        seen.push(await theme(page));
      }
      expect(seen).toEqual(["light", "dark", "system"]);
    },
    async help(page, press) {
      await press();
      const dialog = page.locator("dialog[open]");
      const told = await dialog.locator("dl > div").evaluateAll((all) => all.map((one) => [one.querySelector("dt")!.innerText.trim(), one.querySelector("dd")!.innerText.trim()]));
      expect(told).toEqual(expect.arrayContaining(KEYS.map(({ keys, says }) => [keys.replace("Escape", "Esc"), says])));
      expect(told).toHaveLength(KEYS.length);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    },
  };

  it("every key does what the help says", { timeout: 120_000 }, async () => {
    const { page, complaints } = await reader(browser);
    await page.goto(`${program.url}/${start}`);
    await rows(page).nth(2).waitFor();
    for (const { keys, deed } of KEYS) {
      const press = async (): Promise<void> => {
        for (const key of keys.split(" ")) await page.keyboard.press(key);
      };
      try {
        await promises[deed](page, press);
      } catch (error) {
        throw new Error(`${keys} (${deed}): ${String(error)}`);
      }
    }
    expect(complaints).toEqual([]);
  });

  it.each([
    ["Sessions", "g s", "user-row", "panel"],
    ["Events", "g e", "event-row", null],
    ["Pages", "g p", "page-row", null],
  ] as const)("lists in %s are walked and opened alike", async (_, keys, row, opens) => {
    const { page, context } = await reader(browser);
    await page.goto(program.url);
    await rows(page).first().waitFor();
    for (const key of keys.split(" ")) await page.keyboard.press(key);
    await page.getByTestId(row).first().waitFor();
    await page.keyboard.press("j");
    await page.locator(".vrow-selected").waitFor();
    await page.keyboard.press("Enter");
    if (opens) await page.getByTestId(opens).waitFor();
    else if (row === "event-row") await page.locator(".whole").waitFor();
    else await holds(page, () => location.search.includes("page="), null);
    await context.close();
  });

  it("tab reaches what can be pressed, in sight, and the panel gives the focus back", async () => {
    const { page } = await reader(browser);
    await page.goto(program.url);
    await rows(page).first().waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
    const reached = new Set<string>();
    for (let i = 0; i < 40; i++) {
      reached.add(await page.evaluate(() => document.activeElement?.getAttribute("title") ?? document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim() ?? ""));
      await page.keyboard.press("Tab");
    }
    for (const name of ["Sessions", "Live stream (l)", "Pause (p)", "Keys (?)", "Search patterns", "Severity", "Patterns, newest first"])
      expect([...reached].some((one) => one.includes(name)) || name === "Search patterns").toBe(true);
    const says = rows(page).first().locator(".row-says");
    await says.focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("panel").waitFor();
    expect(await page.evaluate(() => document.activeElement?.classList.contains("panel"))).toBe(true);
    await page.keyboard.press("Escape");
    await page.getByTestId("panel").waitFor({ state: "detached" });
    expect(await says.evaluate((el) => el === document.activeElement)).toBe(true);
  });
});
