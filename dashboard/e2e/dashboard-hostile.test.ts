// What strangers write (ids, pages, targets, metadata, even what was refused) is text and nothing else, wherever the
// dashboard shows it; and if it ever were markup, the policy would stop it.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fits, holds, launch, reader, rows, shot, until } from "./browser";
import { startProgram, type Event, type Program } from "./program";

const long = "W".repeat(2_000);
const hostile: Record<string, string> = {
  script: `<script>document.title="owned"</script>`,
  image: `"><img src=x onerror='document.title="owned"'>`,
  svg: `</bdi></button><svg/onload=alert(1)>`,
  template: "{{constructor.constructor('alert(1)')()}}${alert(1)}",
  link: `javascript:alert(1)//<a href="javascript:alert(1)">x</a>`,
  turned: "\u202Etfel ot thgir\u202C \u2067also\u2069 \u202E",
  hidden: "a\u200Bb\u200Cc\u200Dd\uFEFF\u00AD\u2060",
  stacked: "Z" + "\u0300\u0335\u0489".repeat(30),
  emoji: "👩‍👩‍👧‍👦🏳️‍🌈🇺🇳",
  quotes: `'"\`\\%00%s%n&amp;&lt;`,
  prototype: "__proto__",
  long,
};

const idOf = (text: string): string => text.slice(0, 32);

/** As it is shown: marks that turn the direction of the text are spelled out. */
const shown = (text: string): string => text.replace(/[\u202A-\u202E\u2066-\u2069]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);

/** A life that shows the text in every place there is: page, target, form, session, metadata, title. */
function life(name: string, text: string): Event[] {
  const user_id = `${name} ${idOf(text)}`;
  const page = `/${text}`;
  const part = text.slice(0, 1_500); // five of them are below the 8 KiB that an event may carry
  const metadata = { target: part, form: part, name: part, [idOf(text)]: [part, { deep: part }] };
  const rest = { page, session_id: idOf(text), title: text.slice(0, 200), referrer: text.slice(0, 200), metadata };
  return ["page_view", "page_view", "page_view", "dead_click", "click", "click", "click", "click", "error", "input_change"].map((action) => ({ user_id, action, ...rest }));
}

let program: Program;
let browser: Browser;
beforeAll(async () => {
  program = await startProgram();
  browser = await launch();
  expect(await program.send(Object.entries(hostile).flatMap(([name, text]) => life(name, text)))).toBe(202);
  for (const text of Object.values(hostile)) {
    expect(await program.send([{ user_id: idOf(text), action: text.slice(0, 60), page: text }])).toBe(400);
    expect(await program.post(`{"user_id":"x","action":"${text}`)).toBe(400);
  }
  await until("patterns of all", async () => (await program.get<{ user_id: string }[]>("/api/patterns?type=navigation-loop")).length === Object.keys(hostile).length);
});
afterAll(async () => {
  await browser?.close();
  await program?.close();
});

const sizes = { wide: { width: 1440, height: 1000 }, narrow: { width: 390, height: 844 } };

/** Nothing ran, nothing became an element, nothing sticks out, in a wide window and in a narrow one. */
async function expectHarmless(page: Page, where: string): Promise<void> {
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport);
    const found = await page.evaluate(() => ({
      title: document.title,
      elements: document.querySelectorAll("#root script, #root img, #root iframe, #root svg[onload], #root a[href^=javascript]").length,
    }));
    expect([where, size, found.elements]).toEqual([where, size, 0]);
    expect([where, size, found.title]).toEqual([where, size, expect.stringMatching(/ · BehaviorLens$/)]);
    expect([where, size, await fits(page)]).toEqual([where, size, true]);
    await shot(page, `hostile-${where}-${size}`);
  }
}

/** Goes to an address within the page, as the back button would. */
async function visit(page: Page, search: Record<string, string>): Promise<void> {
  await page.evaluate((to) => {
    history.pushState({}, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/?${new URLSearchParams(search).toString()}`);
}

describe("shown harmlessly", () => {
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    ({ page, complaints } = await reader(browser));
    await page.goto(program.url);
  });
  afterAll(() => expect(complaints).toEqual([]));

  const views: [string, string][] = [
    ["live", "[data-testid=pattern-row]"],
    ["users", "[data-testid=user-row]"],
    ["events", "[data-testid=event-row]"],
    ["pages", "[data-testid=page-row]"],
    ["pipeline", ".samples li"],
  ];
  it.each(views)("in the view %s", async (view, what) => {
    await visit(page, { view });
    await page.locator(what).first().waitFor();
    if (view === "pipeline") for (const sample of (await page.locator(".samples summary").all()).slice(0, 12)) await sample.click();
    await expectHarmless(page, view);
  });

  it.each(Object.entries(hostile))("opened: %s", async (name, text) => {
    const user = `${name} ${idOf(text)}`;
    const patterns = await program.get<{ type: string; pattern_id: string; page: string }[]>(`/api/patterns?user_id=${encodeURIComponent(user)}`);
    expect(patterns.map(({ type }) => type)).toEqual(expect.arrayContaining(["navigation-loop", "dead-click", "rage-click"]));
    const [pattern] = patterns;

    await visit(page, { pattern: pattern!.pattern_id, user });
    await page.getByTestId("panel").locator(".facts").filter({ hasText: shown(user).slice(0, 20).trim() }).waitFor();
    await rows(page).first().waitFor();
    await expectHarmless(page, `pattern-${name}`);

    await visit(page, { view: "users", person: user });
    await page.locator("[data-testid=user-events] li").first().waitFor();
    expect(await page.locator(".panel-name bdi").textContent()).toBe(shown(user));
    await expectHarmless(page, `user-${name}`);

    await visit(page, { page: pattern!.page, q: text.slice(0, 100).trim() });
    await rows(page).first().waitFor();
    await expectHarmless(page, `filter-${name}`);

    await visit(page, { view: "events", q: user });
    await page.locator(".erow-action").first().click();
    await page.locator(".whole", { hasText: "user_id" }).waitFor();
    expect(await page.locator(".whole").textContent()).toContain(shown(JSON.stringify(user).slice(1, -1)));
    await expectHarmless(page, `event-${name}`);
  });

  it("an address that is hostile itself", async () => {
    await visit(page, { q: hostile["image"]!, pattern: hostile["svg"]!, page: hostile["turned"]!, user: hostile["long"]! });
    await page.getByTestId("panel").getByText("This pattern is gone").waitFor();
    await expectHarmless(page, "address");
  });

  it("text stands for itself", async () => {
    await page.setViewportSize(sizes.wide);
    await visit(page, { q: "<script>" });
    await rows(page, hostile["script"]!).first().waitFor();
  });

  it("marks that turn the direction are spelled out, and turn nothing", async () => {
    await visit(page, { user: `turned ${idOf(hostile["turned"]!)}`, type: "navigation-loop" });
    const says = await rows(page, "turned").locator(".row-says").first().textContent();
    expect(says).toMatch(/^User navigated to \/\\u202etfel .* 3 times within 2 minutes/);
    expect(await page.locator("body").textContent()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
  });

  it("nor where the newest alert is read out", async () => {
    const leaves = (at: string): Event => ({ user_id: "leaver", action: "page_view", page: at });
    expect(await program.send([leaves(`/checkout/${hostile["turned"]!}`), leaves("/")])).toBe(202);
    await visit(page, { view: "live" });
    const read = page.locator("p.sr[aria-live]", { hasText: "checkout" });
    await read.waitFor({ state: "attached" });
    expect(await read.textContent()).toMatch(/^New alert: .*checkout\/\\u202etfel/);
    expect(await page.locator("body").textContent()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
  });
});

const elsewhere = "http://127.0.0.1:9/";

describe("the policy", () => {
  const ways: [string, string, (page: Page) => Promise<unknown>][] = [
    ["an inline script", "script-src-elem", (page) => page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.owned = true";
      document.body.append(script);
    })],
    ["a handler in an attribute", "script-src-attr", (page) => page.evaluate(() => {
      const button = document.createElement("button");
      button.setAttribute("onclick", "window.owned = true");
      document.body.append(button);
      button.click();
    })],
    ["a script from elsewhere", "script-src-elem", (page) => page.evaluate((url) => {
      const script = document.createElement("script");
      script.src = url;
      document.body.append(script);
    }, elsewhere)],
    ["an address that is a script", "script-src-elem", (page) => page.evaluate(() => {
      const link = document.createElement("a");
      link.href = "javascript:window.owned=true";
      document.body.append(link);
      link.click();
    })],
    ["a form that posts elsewhere", "form-action", (page) => page.evaluate((url) => {
      const form = document.createElement("form");
      form.action = url;
      document.body.append(form);
      form.submit();
    }, elsewhere)],
    ["data that go elsewhere", "connect-src", (page) => page.evaluate((url) => fetch(url).catch(() => {}), elsewhere)],
    ["a page in a frame", "frame-src", (page) => page.evaluate((url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      document.body.append(frame);
    }, elsewhere)],
  ];
  let page: Page;
  beforeAll(async () => {
    ({ page } = await reader(browser));
    await page.goto(program.url);
    await rows(page).first().waitFor();
    await page.evaluate(() => {
      addEventListener("securitypolicyviolation", (event) => Object.assign(window, { refused: event.effectiveDirective }));
    });
  });
  it.each(ways)("stops %s", async (_, directive, attempt) => {
    await page.evaluate(() => Object.assign(window, { refused: "" }));
    await attempt(page);
    await holds(page, (expected) => (window as unknown as { refused: string }).refused === expected, directive);
    expect(await page.evaluate(() => "owned" in window)).toBe(false);
  });
});
