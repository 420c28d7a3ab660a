// The demo shop against the real pipeline: a person follows the guide, and each line of it gets its tick.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fits, launch, violations, WAIT_MS } from "./browser";
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

/** A visitor, before a window so high that nothing has to be scrolled; `complaints` are what the browser says about the page: errors, refusals of its policy. */
async function visitor(options: Parameters<Browser["newContext"]>[0] = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1400 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, complaints };
}

const shop = (path: string): string => `${program.url}/demo${path}`;
const ticked = (page: Page, name: string): Promise<unknown> => page.waitForSelector(`.bar-task.done strong:text-is("${name}")`, { timeout: 20_000 });
const nav = (page: Page, name: string): Promise<void> => page.click(`header nav a:text-is("${name}")`);

async function fill(page: Page, values: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await page.fill(`main [name="${name}"]`, value);
}

async function toCheckout(page: Page): Promise<void> {
  await page.click(".cart-link");
  await page.click("main a:text-is('To the checkout')");
}

describe("the guide", () => {
  it("every line of it is detected", { timeout: 120_000 }, async () => {
    const { page, complaints } = await visitor();
    const sent: string[] = [];
    page.on("request", (request) => void (request.url().includes("/events/batch") && sent.push(request.postData() ?? "")));
    await page.goto(shop("/"));
    await ticked(page, "Hesitate");

    await page.goto(shop("/product/dawn-mug"));
    for (let i = 0; i < 4; i++) await page.click("#picture");
    await ticked(page, "Rage");
    await page.click("#notify");
    await ticked(page, "Click into the void");
    await page.click("#stock");
    await ticked(page, "Break something");

    await nav(page, "Shop");
    await page.click(".card a >> nth=3");
    await page.waitForSelector("#add");
    await page.goBack();
    await ticked(page, "Turn on your heel");
    await page.click(".card a >> nth=4");
    await nav(page, "Shop");
    await ticked(page, "Go round in circles");

    await page.click(".card a >> nth=1");
    await page.click("#add");
    await toCheckout(page);
    await page.locator("main [name=name]").pressSequentially("A");
    await nav(page, "Shop");
    await ticked(page, "Begin and walk away");
    await ticked(page, "Leave at the till");

    await toCheckout(page);
    await fill(page, { name: "Secret Name", email: "secret@example.org", street: "Secret St", postcode: "12345", town: "Secretown" });
    await page.click("#to-payment");
    await fill(page, { "card-number": "4000 0000 0000 0002", expiry: "12/30", code: "999" });
    await page.click("#pay");
    await ticked(page, "Buy after all");
    expect(await page.locator(".bar-task:not(.done)").count()).toBe(0);

    // The one error is the broken button's; nothing was refused by the policy.
    expect(complaints).toEqual([expect.stringContaining("near")]);
    expect(sent.join()).toContain('"field":"card-number"');
    expect(sent.join()).not.toMatch(/Secret|secret|4000 ?0000|12\/30/);
  });

  it("the sentences name what was done", async () => {
    const { page } = await visitor();
    await page.goto(shop("/product/field-vase"));
    for (let i = 0; i < 4; i++) await page.click("#picture");
    await page.waitForSelector('.bar-pattern:has-text("User clicked the picture 4 times in rapid succession on /product/field-vase.")');
    expect(await page.textContent(".bar-latest")).toContain("User clicked the picture");
  });
});

describe("the bar", () => {
  it("shows who, where and what was sent, and leads to the dashboard of this user", async () => {
    const { page } = await visitor();
    await page.goto(shop("/help"));
    await page.waitForSelector(".bar-sent code:text-is('page_view')");
    const { user, session } = await page.evaluate(() => ({ user: window.behaviorlens!.user, session: window.behaviorlens!.session }));
    expect(await page.textContent(".bar-fact code")).toBe(session);
    expect(await page.textContent(".bar-page code")).toBe("/help");
    expect(await page.getAttribute(".bar-link", "href")).toBe(`/?user=${user}`);
    await nav(page, "Shop");
    await page.waitForSelector(".bar-page code:text-is('/products')");
  });

  it("is no behaviour of a shopper", async () => {
    const { page } = await visitor();
    await page.goto(shop("/"));
    await page.waitForSelector(".bar-sent");
    await page.click(".bar-toggle");
    await page.click(".bar-toggle");
    await page.click(".bar-copy");
    await nav(page, "Help");
    await page.waitForSelector(".bar-sent code:text-is('click')");
    expect(await page.locator(".bar-event code:text-is('click')").count()).toBe(1);
  });

  it("opens and closes from the keyboard, and remembers it", async () => {
    const { page } = await visitor();
    await page.goto(shop("/"));
    await page.focus(".bar-toggle");
    await page.keyboard.press("Enter");
    expect(await page.getAttribute(".bar-toggle", "aria-expanded")).toBe("false");
    expect(await page.isVisible(".bar-body")).toBe(false);
    await page.reload();
    expect(await page.getAttribute(".bar-toggle", "aria-expanded")).toBe("false");
    await page.focus(".bar-toggle");
    await page.keyboard.press("Space");
    expect(await page.isVisible(".bar-body")).toBe(true);
  });

  it("a network that is away is told, and nothing is lost", async () => {
    const { page } = await visitor();
    await page.goto(shop("/"));
    await page.waitForSelector(".bar-sent");
    await page.context().setOffline(true);
    await nav(page, "Help");
    await page.waitForSelector(".bar-retry");
    await page.waitForSelector(".bar-latest:text-is('The server does not answer.')");
    await page.context().setOffline(false);
    await page.waitForSelector(".bar-sent:has-text('page_view'):has-text('/help')");
    expect(await page.locator(".bar-retry, .bar-queued, .bar-dropped").count()).toBe(0);
  });

  it("says so if the tracker was kept away", async () => {
    const { page } = await visitor();
    await page.route("**/tracker.js", (route) => route.abort());
    await page.goto(shop("/"));
    await page.waitForSelector(".bar-latest:has-text('The tracker did not load')");
    await nav(page, "Shop");
    await page.waitForSelector(".card");
  });
});

describe("the shop", () => {
  it("finds, counts and remembers", async () => {
    const { page } = await visitor();
    await page.goto(shop("/search"));
    await page.fill("#words", "linen");
    await page.keyboard.press("Enter");
    await page.click(".card a:has-text('Tide towels')");
    await page.click("#add");
    await page.click("#add");
    await page.waitForSelector(".badge:text-is('2')");
    await page.reload();
    await page.click(".cart-link");
    await page.click("[aria-label='One less of Tide towels']");
    await page.waitForSelector("output:text-is('1')");
    expect(await page.textContent(".sum >> nth=1")).toBe("€26.90");
    await page.click("[aria-label='One less of Tide towels']");
    await page.waitForSelector("h1:text-is('The cart is empty')");
  });

  it("text from the address stays text", async () => {
    const { page, complaints } = await visitor();
    await page.goto(shop("/search?q=" + encodeURIComponent("<img src=x onerror=alert(1)>")));
    await page.waitForSelector("text=Nothing is called “<img src=x onerror=alert(1)>” here.");
    await page.goto(shop("/product/" + encodeURIComponent("<script>alert(1)</script>")));
    await page.waitForSelector("h1:text-is('There is no such page')");
    expect(complaints).toEqual([]);
  });

  const paths = ["/", "/products", "/search?q=mug", "/product/moth-lamp", "/cart", "/checkout", "/payment", "/confirmation", "/help", "/nowhere"];
  it.each([
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["narrow", { viewport: { width: 360, height: 740 } }],
  ] as const)("accessible and within the window, %s", { timeout: 120_000 }, async (_, options) => {
    const { page, complaints } = await visitor(options);
    await page.addInitScript(() => {
      sessionStorage.setItem("ondelo-cart", '{"dawn-mug":2}');
      sessionStorage.setItem("ondelo-bar", "open");
    });
    for (const path of paths) {
      await page.goto(shop(path));
      await page.waitForSelector(".bar-sent");
      expect([path, await violations(page)]).toEqual([path, []]);
      expect([path, await fits(page)]).toEqual([path, true]);
    }
    expect(complaints).toEqual([]);
  });
});
