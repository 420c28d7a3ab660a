// A person in the demo shop, and somebody who watches the dashboard: each kind of trouble becomes the right card, by the
// whole way from the tracker through the store and the rules to the feed. Only the waits are shorter than by default.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { holds, launch, reader, rows, shot, type Reader } from "./browser";
import { startProgram, type Program } from "./program";

const config = `
rules:
  hesitation: {low: 2s, medium: 60s, high: 120s}
  abandonment: {timeout: 3s}
`;

let program: Program;
let browser: Browser;
let dashboard: Reader;
beforeAll(async () => {
  program = await startProgram(config);
  browser = await launch();
  dashboard = await reader(browser, { viewport: { width: 1440, height: 1800 } });
  await dashboard.page.goto(program.url);
});
afterAll(async () => {
  await browser?.close();
  await program?.close();
});

const nav = (page: Page, name: string): Promise<void> => page.click(`header nav a:text-is("${name}")`);

async function toCheckout(page: Page): Promise<void> {
  await page.click(".card a >> nth=1");
  await page.click("#add");
  await page.click(".cart-link");
  await page.click("main a:text-is('To the checkout')");
}

async function pay(page: Page): Promise<void> {
  const filled = async (values: Record<string, string>): Promise<void> => {
    for (const [name, value] of Object.entries(values)) await page.fill(`main [name="${name}"]`, value);
  };
  await filled({ name: "A", email: "a@example.org", street: "S", postcode: "12345", town: "T" });
  await page.click("#to-payment");
  await filled({ "card-number": "4000", expiry: "12/30", code: "999" });
  await page.click("#pay");
  await page.waitForSelector("h1:has-text('Thank')");
}

interface Story {
  from: string;
  act(page: Page): Promise<unknown>;
  type: string;
  severity: string;
  says: RegExp;
  /** What the evidence shows of it. */
  did: string;
}

const stays = (page: Page): Promise<unknown> => page.waitForSelector(".bar-sent");

const stories: Record<string, Story> = {
  "stays still": { from: "/product/dawn-mug", act: stays, type: "hesitation", severity: "Low", says: /paused for 2 seconds on \/product\/dawn-mug/, did: "page view" },
  "goes round in circles": {
    from: "/products",
    async act(page) {
      for (const nth of [2, 3]) {
        await page.click(`.card a >> nth=${nth}`);
        await page.waitForSelector("#add");
        await nav(page, "Shop");
      }
    },
    type: "navigation-loop", severity: "Medium", says: /navigated to \/products 3 times within 2 minutes/, did: "page view",
  },
  "falls silent at the cart": { from: "/cart", act: stays, type: "abandonment", severity: "High", says: /entered the checkout flow on \/cart but did not complete the transaction within 3 seconds/, did: "page view" },
  "leaves at the till": {
    from: "/products",
    act: async (page) => [await toCheckout(page), await nav(page, "Shop")],
    type: "abandonment", severity: "High", says: /reached \/checkout but navigated away|entered the checkout flow on \/c/, did: "page view",
  },
  "hammers on a picture": {
    from: "/product/field-vase",
    async act(page) {
      for (let i = 0; i < 4; i++) await page.click("#picture");
    },
    type: "rage-click", severity: "Medium", says: /clicked the picture 4 times in rapid succession on \/product\/field-vase/, did: "click",
  },
  "clicks into the void": { from: "/product/moth-lamp", act: (page) => page.click("#notify"), type: "dead-click", severity: "Low", says: /on \/product\/moth-lamp and nothing happened/, did: "dead click" },
  "breaks something": { from: "/product/moth-lamp", act: (page) => page.click("#stock"), type: "error-click", severity: "Medium", says: /An error followed the user's click/, did: "error" },
  "begins a form and walks away": {
    from: "/products",
    async act(page) {
      await toCheckout(page);
      await page.locator("main [name=name]").pressSequentially("A");
      await nav(page, "Shop");
    },
    type: "form-abandonment", severity: "Medium", says: /began to fill in the form .* on \/checkout but left it/, did: "input change",
  },
  "turns on the heel": {
    from: "/products",
    async act(page) {
      await page.click(".card a >> nth=3");
      await page.waitForSelector("#add");
      await page.goBack();
    },
    type: "quick-back", severity: "Low", says: /and went straight back to \/products/, did: "page view",
  },
};

/** Somebody new opens the shop; gives the page and the user's id. */
async function shopper(path: string): Promise<Reader & { user: string }> {
  const visitor = await reader(browser, { viewport: { width: 1280, height: 1400 } });
  await visitor.page.goto(`${program.url}/demo${path}`);
  await holds(visitor.page, () => Boolean(window.behaviorlens), null);
  return { ...visitor, user: await visitor.page.evaluate(() => window.behaviorlens!.user) };
}

const card = (user: string, type: string) => rows(dashboard.page, user).and(dashboard.page.locator(`[data-type=${type}]`));

it.each(Object.entries(stories))("who %s is on the dashboard", async (_, { from, act, type, severity, says, did }) => {
  const { page, user, context } = await shopper(from);
  await act(page);
  const row = card(user, type).first();
  await row.waitFor();
  expect(await row.locator(".row-says").textContent()).toMatch(says);
  expect(await row.locator(".severity").textContent()).toBe(severity);

  await row.locator(".row-says").click();
  const panel = dashboard.page.getByTestId("panel");
  await panel.locator(".panel-says", { hasText: says }).waitFor();
  await panel.locator(".tl-step", { hasText: did }).first().waitFor();
  await panel.locator(".tl-detected").first().waitFor();
  await shot(dashboard.page, `journey-${type}`);
  await dashboard.page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await context.close();
});

it("who buys after all resolves the abandonment", async () => {
  const { page, user, context } = await shopper("/products");
  await toCheckout(page);
  await card(user, "abandonment").locator(".state-open").waitFor();
  await pay(page);
  await card(user, "abandonment").locator(".state-done").waitFor();
  await card(user, "abandonment").locator(".row-says").click();
  await dashboard.page.getByTestId("panel").locator(".fact", { hasText: /Resolved.*after/ }).waitFor();
  const pattern = (await program.get<{ type: string; resolution: string }[]>(`/api/patterns?type=abandonment&user_id=${user}`))[0];
  expect(pattern?.resolution).toBe("completion");
  await dashboard.page.keyboard.press("Escape");
  await context.close();
});

it("the browser had nothing to complain about", () => expect(dashboard.complaints).toEqual([]));
