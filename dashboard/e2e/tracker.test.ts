// The tracker in a real browser: what leaves the page, byte for byte, and what never does.
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openSite, type Site } from "./tracker-site";

let site: Site;
beforeAll(async () => void (site = await openSite()));
afterEach(() => site.reset());
afterAll(() => site.close());

const tall = '<p id="out"></p><div class="tall">' + "<p>line</p>".repeat(200) + "</div>";

it("is under 5 kB compressed, and ASCII alone", async () => {
  const text = await (await fetch(site.url + "/tracker.js")).text();
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(5000);
  expect(text).toMatch(/^[\n -~]*$/);
});

describe("pages", () => {
  it("one page_view per load, with ids, times and nothing of the query", async () => {
    const page = await site.open();
    await page.goto(site.url + "/cart/?coupon=secret#frag");
    const [view] = await site.until("page_view");
    expect(view).toMatchObject({ page: "/cart", action: "page_view" });
    expect(view!.user_id).toMatch(/^[\w-]{16,64}$/);
    expect(view!.session_id).toBe(view!.user_id);
    expect(view!.timestamp).toBeUndefined();
    expect(Math.abs(site.requests[0]!.sent_at - Date.now())).toBeLessThan(20_000);
    expect(site.requests[0]!.body).not.toContain("secret");
    expect(new Set(site.events().map((e) => e.event_id)).size).toBe(site.events().length);
  });
  it("routers: a step is a visit, a change of the query is none, back is one", async () => {
    site.body = '<button id="goes">go</button><button id="same">same</button>';
    const page = await site.open();
    await page.goto(site.url + "/a");
    await page.click("#same");
    await page.click("#same");
    await page.click("#goes");
    await page.goBack();
    await site.until("page_view", 3);
    expect(site.events("page_view").map((e) => e.page)).toEqual(["/a", "/next", "/a"]);
    expect(site.requests.map((r) => r.body).join()).not.toContain("secret");
  });
  it("a base is cut off, a hash router's pages are its fragments", async () => {
    site.attributes = 'data-base="/shop"';
    const page = await site.open();
    await page.goto(site.url + "/shop/cart");
    expect((await site.until("page_view"))[0]!.page).toBe("/cart");
    await site.reset();
    site.attributes = "data-hash";
    const other = await site.open();
    await other.goto(site.url + "/app#/cart?x=1");
    await other.evaluate(() => void (location.hash = "#/checkout"));
    expect((await site.until("page_view", 2)).map((e) => e.page)).toEqual(["/cart", "/checkout"]);
  });
  it("the id lives as long as the tab, and no longer", async () => {
    const context = await site.context();
    const [one, two] = [await context.newPage(), await context.newPage()];
    await one.goto(site.url + "/a");
    await one.goto(site.url + "/b");
    await two.goto(site.url + "/c");
    const views = await site.until("page_view", 3);
    const id = (path: string): string => views.find((e) => e.page === path)!.user_id;
    expect(id("/a")).toBe(id("/b"));
    expect(id("/a")).not.toBe(id("/c"));
  });
  it("leaving: what waits and page_exit go by beacon, text/plain, with the key in the address", async () => {
    site.attributes = 'data-key="k&1"';
    site.body = '<button id="b">b</button>';
    const page = await site.open();
    await page.goto(site.url + "/a");
    await site.until("page_view");
    expect(site.requests[0]!.headers.authorization).toBe("Bearer k&1");
    await page.click("#b");
    await page.goto("about:blank");
    await site.until("page_exit");
    const last = site.requests.at(-1)!;
    expect(last.url).toBe("/events/batch?key=k%261");
    expect(last.headers["content-type"]).toMatch(/^text\/plain/);
    const actions = site.events().map((e) => e.action);
    expect(actions.filter((a) => a === "page_exit")).toHaveLength(1);
    expect(actions).not.toContain("tab_hidden");
    expect(actions.indexOf("click")).toBeLessThan(actions.indexOf("page_exit"));
  });
  it("a tab that goes to the back and comes again", async () => {
    const page = await site.open();
    await page.goto(site.url + "/a");
    await site.until("page_view");
    const turn = (hidden: boolean): Promise<void> =>
      page.evaluate((value) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await turn(true);
    await site.until("tab_hidden");
    await turn(false);
    await site.until("tab_visible");
    expect(site.events().map((e) => e.action)).toEqual(["page_view", "page_performance", "tab_hidden", "tab_visible"]);
  });
  it("a page that comes back from the back/forward cache is a visit", async () => {
    const page = await site.open();
    await page.goto(site.url + "/a");
    await page.evaluate(() => {
      dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
    await site.until("page_view", 2);
    expect(site.events().map((e) => e.action)).toEqual(["page_view", "page_performance", "page_exit", "page_view"]);
  });
  it("vitals of the loaded page come once, when it is left", async () => {
    site.body = "<h1>Hello</h1><button id=changes>b</button><p id=out>";
    const page = await site.open();
    await page.goto(site.url + "/a");
    await site.until("page_view");
    await page.click("#changes");
    await page.goto("about:blank");
    await site.until("page_exit");
    const [vitals, ...more] = site.events("page_performance");
    expect(more).toEqual([]);
    expect(vitals!.page).toBe("/a");
    for (const name of ["lcp", "fcp", "ttfb"]) expect(vitals!.metadata![name]).toBeGreaterThanOrEqual(0);
  });
});

describe("acts", () => {
  it("clicks: how elements are called, and where", async () => {
    site.body = `
      <button id="buy">Ann's text</button> <button data-bl-name="Buy it"><b>now</b></button> <button data-testid="t1">x</button>
      <input name="email"> <a href="/p/mug?ref=1">mug</a> <main><div><p>1</p><p class="two">2</p></div></main>
      <svg width="20" height="20"><g><path d="M0 0h20v20H0z"/></g></svg> <label for="ok">agree</label><input type="checkbox" id="ok"> <x-box></x-box>`;
    const page = await site.open();
    await page.goto(site.url + "/a");
    await page.click("#buy");
    await page.click("b");
    await page.click("[data-testid]");
    await page.click("[name=email]");
    await page.click(".two");
    await page.click("svg");
    await page.click("label");
    await page.click("#inner");
    await page.click("a");
    const clicks = await site.until("click", 9);
    expect(clicks.map((e) => e.metadata!["target"])).toEqual([
      "button#buy",
      "Buy it",
      "button[t1]",
      "input[email]",
      "main > div > p:2",
      "svg",
      "input#ok",
      "button#inner",
      "a[/p/mug]",
    ]);
    for (const { metadata } of clicks) expect([typeof metadata!["x"], typeof metadata!["y"]]).toEqual(["number", "number"]);
    expect(site.requests.map((r) => r.body).join()).not.toMatch(/Ann|ref=1/);
  });
  it("a script's clicks are nobody's", async () => {
    site.body = '<button id="buy">x</button>';
    const page = await site.open();
    await page.goto(site.url + "/a");
    await page.evaluate(() => document.getElementById("buy")!.click());
    await page.click("#buy");
    await page.goto("about:blank");
    await site.until("page_exit");
    expect(site.events("click")).toHaveLength(1);
  });
  it("forms: which fields, never what is written", async () => {
    site.body = `<form id="form"><input name="card" type="text"><input name="pw" type="password"><textarea name="note"></textarea>
      <select name="size"><option>small-secret<option>large-secret</select><button>ok</button></form>`;
    const page = await site.open();
    await page.goto(site.url + "/checkout");
    await page.locator("[name=card]").pressSequentially("4111111111111111");
    await page.locator("[name=pw]").pressSequentially("hunter2");
    await page.fill("[name=note]", "my secret note");
    await page.focus("select");
    await page.keyboard.press("ArrowDown");
    await page.click("button");
    await site.until("form_submit");
    // Once each; again only after five seconds, which a busy machine may take to write a number.
    const told = site.events("input_change").map((e) => e.metadata as { field: string; form: string });
    expect([...new Set(told.map(({ field }) => field))]).toEqual(["card", "pw", "note", "size"]);
    expect(new Set(told.map(({ form }) => form))).toEqual(new Set(["form#form"]));
    expect(told.length).toBeLessThan(4 + 5);
    expect(site.events("form_submit")[0]!.metadata).toEqual({ form: "form#form" });
    expect(site.requests.map((r) => r.body).join()).not.toMatch(/4111|hunter2|secret/);
  });
  it("data-bl-ignore: nothing from inside", async () => {
    site.body = `<div data-bl-ignore><button id="quiet">q</button><form id="form"><input name="q"><button id="send">s</button></form><x-box></x-box></div>
      <button id="loud">l</button>`;
    const page = await site.open();
    await page.goto(site.url + "/a");
    await page.click("#quiet");
    await page.click("#inner");
    await page.fill("[name=q]", "x");
    await page.click("#send");
    await page.click("#loud");
    await page.goto("about:blank");
    await site.until("page_exit");
    expect(site.events().map((e) => e.action)).toEqual(["page_view", "click", "page_performance", "page_exit"]);
  });
  it("scrolling: each quarter once", async () => {
    site.body = tall;
    const page = await site.open();
    await page.goto(site.url + "/a");
    await site.until("page_view");
    await page.waitForTimeout(600); // a router's own scrolling is over
    for (let i = 0; i < 40 && site.events("scroll").at(-1)?.metadata!["depth"] !== 100; i++) {
      await page.mouse.wheel(0, 400);
      await page.waitForTimeout(120);
    }
    const depths = site.events("scroll").map((e) => e.metadata!["depth"] as number);
    expect(depths.at(-1)).toBe(100);
    expect(depths).toEqual([...depths].sort((a, b) => a - b));
  });
  it("errors: the message without what may be personal, no stack", async () => {
    site.body = '<button id="throws">x</button><button id="rejects">x</button><button id="calls">x</button>';
    const page = await site.open();
    await page.goto(site.url + "/a");
    for (let i = 0; i < 3; i++) await page.click("#throws"); // one event in five seconds
    await page.click("#rejects");
    await page.click("#calls");
    await site.until("api_error");
    expect(site.events("error").map((e) => e.metadata)).toEqual([
      { message: 'Uncaught Error: no "*" at /a* for *', source: "/page.js", line: expect.any(Number) as number },
      { message: "late trouble" },
    ]);
    expect(site.events("api_error")[0]!.metadata).toEqual({ status: 500, path: "/broken/api" });
    expect(site.requests.map((r) => r.body).join()).not.toMatch(/Ann Smith|token|example\.org|id=77/);
  });
  it("what the page tracks itself", async () => {
    site.body = '<button id="tracks">x</button><button id="tracks-own">x</button><button id="tracks-circle">x</button><button id="tracks-much">x</button><button id="tracks-half">x</button>';
    const page = await site.open();
    await page.goto(site.url + "/a");
    for (const id of ["tracks", "tracks-own", "tracks-circle", "tracks-much", "tracks-half"]) await page.click("#" + id);
    await site.until("custom", 4);
    expect(site.events("purchase").map((e) => e.metadata)).toEqual([{ total: 42 }]);
    expect(site.events("custom").map((e) => e.metadata)).toEqual([
      { code: "X", name: "coupon" },
      { truncated: true, name: "coupon" },
      { truncated: true, name: "coupon" },
      { code: "x\ufffd", name: "coupon" },
    ]);
  });
  it("stillness is told at ten seconds, with how long", async () => {
    const page = await site.open();
    await page.goto(site.url + "/a");
    const [idle] = await site.until("idle");
    expect(idle!.metadata!["duration_ms"]).toBeGreaterThanOrEqual(10_000);
    expect(idle!.metadata!["duration_ms"]).toBeLessThan(15_000);
  });
});

it("writing is no stillness", async () => {
  site.body = '<form id="form"><textarea name="note"></textarea></form>';
  const page = await site.open();
  await page.goto(site.url + "/a");
  await page.focus("textarea");
  const began = Date.now();
  for (let i = 0; i < 24; i++) await page.keyboard.type("x", { delay: 500 });
  expect(site.events("idle")).toEqual([]);
  const told = site.events("input_change").length; // at once, and every five seconds
  expect(told).toBeGreaterThanOrEqual(3);
  expect(told).toBeLessThanOrEqual(1 + Math.floor((Date.now() - began) / 5_000));
});

describe("the page comes first", () => {
  it("a server that fails is asked again, with the same ids, and the page sees no error", async () => {
    site.answers = [{ status: 503, headers: { "Retry-After": "1" } }, { status: 500 }];
    const page = await site.open();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(site.url + "/a");
    await site.until("page_view");
    const ids = site.requests.map((r) => (JSON.parse(r.body) as { events: { event_id: string }[] }).events[0]!.event_id);
    expect(ids).toHaveLength(3);
    expect(site.events("page_view")[0]!.timestamp).toBeLessThanOrEqual(site.requests[2]!.sent_at - 1000);
    expect(new Set(ids).size).toBe(1);
    expect(errors).toEqual([]);
  });
  it("a listener of the page that throws does not start a storm", async () => {
    site.body = '<button id="b">b</button>';
    const page = await site.open();
    await page.addInitScript(() => void Object.assign(window, { hostile: true }));
    await page.goto(site.url + "/a");
    await page.click("#b");
    await site.until("click");
    expect(site.events("error")).toEqual([]);
  });
  it("a page that broke the browser's own tools still works", async () => {
    site.body = '<button id="goes">go</button>';
    const page = await site.open();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.addInitScript(() => {
      Object.defineProperty(window, "sessionStorage", { get: () => { throw new Error("blocked"); } }); // prettier-ignore
      Object.assign(window, { PerformanceObserver: undefined, MutationObserver: undefined });
      navigator.sendBeacon = () => { throw new Error("blocked"); }; // prettier-ignore
    });
    await page.goto(site.url + "/a");
    await page.click("#goes");
    await site.until("page_view", 2);
    expect(errors).toEqual([]);
  });
  it("two scripts are one tracker", async () => {
    const page = await site.open();
    await page.goto(site.url + "/a");
    await page.addScriptTag({ url: "/tracker.js" });
    await page.goto("about:blank");
    await site.until("page_exit");
    expect(site.events("page_view")).toHaveLength(1);
  });
});

describe("Global Privacy Control and Do Not Track", () => {
  const visit = async (attributes: string, signal: object): Promise<string[]> => {
    site.attributes = attributes;
    site.body = '<button id="tracks">x</button><button id="tracks-own">x</button>';
    const page = await site.open();
    await page.addInitScript((given) => {
      for (const [name, value] of Object.entries(given)) Object.defineProperty(navigator, name, { get: () => value as unknown });
    }, signal);
    await page.goto(site.url + "/a");
    await page.click("#tracks");
    await page.click("#tracks-own");
    const stored = await page.evaluate(() => sessionStorage.length);
    await page.goto("about:blank");
    await page.goto(site.url + "/page.js"); // a request of the same kind, after all beacons
    return [...site.events().map((e) => `${e.action} ${JSON.stringify(e.metadata ?? null)}`), `stored ${stored}`];
  };
  it("minimal: pages and what the page tracks, without data, nothing stored", async () => {
    const lines = await visit("", { globalPrivacyControl: true });
    expect(lines.map((line) => line.replace(/"time_ms":\d+/, '"time_ms":0'))).toEqual([
      "page_view null",
      "purchase {}",
      'custom {"name":"coupon"}',
      'page_exit {"time_ms":0,"depth":0}',
      "stored 0",
    ]);
  });
  it("silent: nothing at all", async () => {
    expect(await visit('data-privacy="silent"', { doNotTrack: "1" })).toEqual(["stored 0"]);
    expect(site.requests).toEqual([]);
  });
  it("ignore: as for everybody", async () => {
    expect(await visit('data-privacy="ignore"', { globalPrivacyControl: true })).toContain("stored 1");
    expect(site.events("click")).toHaveLength(2);
  });
});
