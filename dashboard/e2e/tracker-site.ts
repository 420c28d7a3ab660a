// A site that embeds the tracker as a customer would, under a strict Content-Security-Policy, and the server that its
// batches go to: every byte that leaves the page is kept for the test to look at.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { launch, WAIT_MS } from "./browser";

export interface Got {
  action: string;
  page: string;
  user_id: string;
  session_id: string;
  event_id: string;
  timestamp?: number;
  metadata?: Record<string, unknown>;
}
export interface Request {
  url: string;
  body: string;
  headers: IncomingMessage["headers"];
  events: Got[];
  sent_at: number;
}

const tracker = join(dirname(dirname(fileURLToPath(import.meta.url))), "tracker");
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'";

// What a page of the site can do; its elements are named by id.
const pageScript = `
  const by = (id) => document.getElementById(id);
  const on = (id, type, act) => by(id)?.addEventListener(type, act);
  on("changes", "click", () => (by("out").textContent = Date.now()));
  on("changes-late", "click", () => setTimeout(() => (by("out").textContent = Date.now()), 1500));
  on("changes-on-press", "pointerdown", () => (by("out").textContent = Date.now()));
  on("changes-ignored", "click", () => (by("ignored-out").textContent = Date.now()));
  on("scrolls-ignored", "click", () => (by("inner-scroll").scrollTop += 5));
  on("scrolls", "click", () => scrollTo(0, 900));
  on("goes", "click", () => history.pushState({}, "", "/next?secret=1"));
  on("same", "click", () => history.replaceState({}, "", location.pathname + "?tab=2"));
  on("throws", "click", () => { throw new Error('no "Ann Smith" at /a?token=abc for ann@example.org'); });
  on("rejects", "click", () => { Promise.reject(new Error("late trouble")); });
  on("calls", "click", () => fetch("/broken/api?id=77"));
  on("tracks", "click", () => behaviorlens.track("purchase", { total: 42 }));
  on("tracks-own", "click", () => behaviorlens.track("coupon", { code: "X" }));
  on("tracks-circle", "click", () => { const a = {}; a.a = a; behaviorlens.track("coupon", a); });
  on("tracks-much", "click", () => behaviorlens.track("coupon", { code: "\u00e4".repeat(4000) }));
  on("tracks-half", "click", () => behaviorlens.track("coupon", { code: "x" + String.fromCharCode(0xd83d) }));
  on("form", "submit", (event) => event.preventDefault());
  on("stopped", "click", (event) => event.preventDefault());
  customElements.define("x-box", class extends HTMLElement {
    connectedCallback() { const b = document.createElement("button"); b.id = "inner"; b.textContent = "in"; this.attachShadow({ mode: "open" }).append(b); }
  });
  document.addEventListener("behaviorlens", () => { if (window.hostile) throw new Error("listener of the page"); });
`;

function pageHtml(attributes: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="windows-1252"><title>A site</title>
    <script defer src="/tracker.js" ${attributes}></script><script defer src="/page.js"></script><link rel="stylesheet" href="/page.css"><body>${body}</body></html>`;
}

export interface Site {
  url: string;
  requests: Request[];
  /** What the next POSTs are answered, in turn; then 202. */
  answers: { status: number; headers?: Record<string, string> }[];
  /** Attributes of the script element, and the body of all pages. */
  attributes: string;
  body: string;
  events(action?: string): Got[];
  /** Waits until so many events of this action have come. */
  until(action: string, count?: number): Promise<Got[]>;
  open(context?: Parameters<Browser["newContext"]>[0]): Promise<Page>;
  context(options?: Parameters<Browser["newContext"]>[0]): Promise<BrowserContext>;
  reset(): Promise<void>;
  close(): Promise<void>;
}

async function builtTracker(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "bl-tracker-"));
  await build({ configFile: join(tracker, "vite.config.ts"), root: tracker, logLevel: "error", build: { outDir: dir } });
  const text = readFileSync(join(dir, "tracker.js"), "latin1");
  rmSync(dir, { recursive: true });
  return text;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

export async function openSite(): Promise<Site> {
  const script = await builtTracker();
  const browser = await launch();
  const contexts: BrowserContext[] = [];

  const reply = (response: ServerResponse, status: number, type: string, text: string, headers = {}): void => {
    response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": policy, "Access-Control-Allow-Origin": "*", ...headers }).end(text);
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const { events, sent_at } = JSON.parse(body) as Request;
    const { status, headers } = site.answers.shift() ?? { status: 202 };
    const kept = { url: request.url ?? "", body, headers: request.headers, events: status < 300 ? events : [], sent_at };
    site.requests.push(kept);
    reply(response, status, "application/json", "{}", headers);
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const url = request.url ?? "/";
    if (request.method === "POST") void take(request, response);
    else if (url === "/tracker.js") reply(response, 200, "text/javascript", script);
    else if (url === "/page.js") reply(response, 200, "text/javascript", pageScript);
    else if (url === "/page.css") reply(response, 200, "text/css", ".scroller { height: 10px; overflow-y: scroll }");
    else if (url.startsWith("/broken")) reply(response, 500, "text/plain", "");
    else if (url.startsWith("/slow")) setTimeout(() => reply(response, 200, "text/html", pageHtml(site.attributes, "slow")), 4000);
    else reply(response, 200, "text/html", pageHtml(site.attributes, site.body));
  };
  // A port for each test: what a page of the one before sends with its last breath reaches nobody.
  let server: Server;
  const listen = async (): Promise<string> => {
    server = createServer(serve);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const hangUp = async (): Promise<void> => {
    const closed = new Promise((done) => server.close(done));
    server.closeAllConnections();
    await closed;
  };

  const site: Site = {
    url: await listen(),
    requests: [],
    answers: [],
    attributes: "",
    body: "",
    events: (action) => site.requests.flatMap((r) => r.events).filter((e) => !action || e.action === action),
    async until(action, count = 1) {
      for (const end = Date.now() + 20_000; Date.now() < end; ) {
        const found = site.events(action);
        if (found.length >= count) return found;
        await new Promise((wake) => setTimeout(wake, 20));
      }
      throw new Error(`${count} ${action} did not come; came: ${site.events().map((e) => e.action).join(" ")}`);
    },
    async context(options = {}) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(WAIT_MS);
      contexts.push(context);
      return context;
    },
    async open(options) {
      return (await site.context(options)).newPage();
    },
    async reset() {
      for (const context of contexts.splice(0)) await context.close();
      await hangUp();
      Object.assign(site, { url: await listen(), requests: [], answers: [], attributes: "", body: "" });
    },
    async close() {
      await browser.close();
      await hangUp();
    },
  };
  return site;
}
