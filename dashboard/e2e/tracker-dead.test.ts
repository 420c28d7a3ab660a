// Dead clicks in a real browser: the table of what is one and what is none.
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSite, type Site } from "./tracker-site";

let site: Site;
beforeAll(async () => void (site = await openSite()));
afterAll(() => site.close());

const body = `
  <button id="nothing">n</button> <button id="changes">c</button> <button id="changes-late">l</button>
  <button id="changes-on-press">p</button> <button id="changes-ignored">i</button> <button id="scrolls">s</button>
  <button id="goes">g</button> <button id="same">q</button> <p id="out"></p><p id="ignored-out" data-bl-ignore></p>
  <p id="words">some words to select</p> <span id="plain">plain</span>
  <input id="text"> <textarea id="area"></textarea> <select id="choice"><option>1</select> <div id="rich" contenteditable>t</div>
  <label id="label">x<input type="checkbox" id="check"></label> <canvas id="canvas" width="40" height="40"></canvas>
  <a id="download" href="/file" download>d</a> <a id="window" href="/other" target="_blank">w</a> <a id="mail" href="mailto:a@b.c">m</a>
  <a id="slow" href="/slow">slow</a> <a id="stopped" href="/other">stopped</a> <a id="nowhere" href="#">nowhere</a>
  <form id="form"><input required id="must"><button id="invalid">send</button></form> <form action="/slow"><button id="sends">send</button></form>
  <button id="pop" popovertarget="popover">pop</button><div popover id="popover">hello</div>
  <button id="scrolls-ignored">i</button> <div data-bl-ignore id="inner-scroll" class="scroller"><p>1</p><p>2</p></div>
  <div data-bl-ignore><button id="quiet">q</button></div> <x-box></x-box>
  <div>${"<p>line</p>".repeat(100)}</div>`;

// Each act on a page of its own, all at the same time: a dead click takes 2.5 s to be one.
const stories: [string, string, string | null][] = [
  ["a button without an effect", "#nothing", "button#nothing"],
  ["plain text without an effect", "#plain", "span#plain"],
  ["a change of what is ignored is none", "#changes-ignored", "button#changes-ignored"],
  ["scrolling in what is ignored is none", "#scrolls-ignored", "button#scrolls-ignored"],
  ["a link that a script stopped", "#stopped", "a#stopped"],
  ["a button in a shadow", "#inner", "button#inner"],
  ["the page changes", "#changes", null],
  ["the page changes in time", "#changes-late", null],
  ["the page changes on the press already", "#changes-on-press", null],
  ["the page scrolls", "#scrolls", null],
  ["a router goes on", "#goes", null],
  ["a text field", "#text", null],
  ["a text area", "#area", null],
  ["a menu", "#choice", null],
  ["editable text", "#rich", null],
  ["a checkbox", "#check", null],
  ["the label of a checkbox", "#label", null],
  ["a canvas", "#canvas", null],
  ["a download", "#download", null],
  ["a link to a new window", "#window", null],
  ["a link to another program", "#mail", null],
  ["a link to a slow page", "#slow", null],
  ["a form that is sent to a slow page", "#sends", null],
  ["a form with a field that is invalid", "#invalid", null],
  ["a popover", "#pop", null],
  ["an ignored element", "#quiet", null],
];

it("dead clicks, and living ones", { timeout: 300_000 }, async () => {
  site.body = body;
  const context = await site.context();
  await Promise.all(
    stories.map(async ([, selector], i) => {
      const page = await context.newPage();
      await page.route("**/file", (route) => route.fulfill({ headers: { "Content-Disposition": "attachment" }, body: "x" }));
      await page.goto(`${site.url}/story-${i}`);
      await page.click(selector, { noWaitAfter: true });
      await page.waitForTimeout(3200);
      await page.close({ runBeforeUnload: false });
    }),
  );
  await site.until("page_view", stories.length);
  const dead = new Map(site.events("dead_click").map((e) => [e.page, e.metadata!["target"]]));
  expect(stories.map(([name], i) => [name, dead.get(`/story-${i}`) ?? null])).toEqual(stories.map(([name, , target]) => [name, target]));
});

it("a selection is an answer", async () => {
  await site.reset();
  site.body = body;
  const page = await site.open();
  await page.goto(site.url + "/a");
  await page.dblclick("#words");
  await page.waitForTimeout(3200);
  await page.goto("about:blank");
  await site.until("page_exit");
  expect(site.events("dead_click")).toEqual([]);
});

it("leaving a text field is no answer", async () => {
  await site.reset();
  site.body = body;
  const page = await site.open();
  await page.goto(site.url + "/b");
  await page.type("#text", "a");
  await page.click("#nothing");
  await site.until("dead_click");
  expect(site.events("dead_click").map((e) => e.metadata!["target"])).toEqual(["button#nothing"]);
});
