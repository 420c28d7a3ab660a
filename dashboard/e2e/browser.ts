// People at their browsers: the real Chromium, pages that note what the browser complains about, and the questions that
// more than one test asks of a page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from "playwright-core";

const chromiumOptions = {
  executablePath: process.env["BL_CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
};

export const launch = (): Promise<Browser> => chromium.launch(chromiumOptions);

export const WAIT_MS = 60_000; // for what must happen: only a hang takes so long, on any machine

/** Asks until the answer is true; `what` is said when it never is. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, ms = WAIT_MS): Promise<void> {
  for (const end = Date.now() + ms; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`did not happen: ${what}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Asks the page until the answer is true. (Playwright's waitForFunction needs eval, which the policy forbids.) */
export function holds<T>(page: Page, question: (arg: T) => boolean, arg: T, ms?: number): Promise<void> {
  return until(`${question.toString()} of ${JSON.stringify(arg)}`, () => page.evaluate(question as (arg: unknown) => boolean, arg), ms);
}

export interface Reader {
  page: Page;
  context: BrowserContext;
  /** Errors, refusals of the policy, dialogs: what a good page never causes. */
  complaints: string[];
}

export interface ReaderOptions extends BrowserContextOptions {
  /** The dashboard's live stream is on from the start. */
  live?: boolean;
}

const expected = /Failed to load resource|net::ERR_/; // a server that is away is no fault of the page

/** Somebody new, with an empty browser. */
export async function reader(browser: Browser, { live = false, ...options }: ReaderOptions = {}): Promise<Reader> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  context.setDefaultTimeout(WAIT_MS);
  if (live) await context.addInitScript(() => localStorage.setItem("behaviorlens.live", "on"));
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, context, complaints };
}

/** Rows of the dashboard's feed, narrowed to those that hold a text. */
export function rows(page: Page, text?: string): Locator {
  const all = page.locator("[data-testid=pattern-row]");
  return text === undefined ? all : all.filter({ hasText: text });
}

export const phase = (page: Page, name: string): Locator => page.locator(`[data-testid=connection][data-phase=${name}]`);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
type Axe = { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> };

/** What axe finds wrong on the page as it is now. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    // What fades in has half its contrast on the way.
    const moving = document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity);
    for (const one of moving) one.finish();
    const { violations } = await (window as unknown as { axe: Axe }).axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`));
  });
}

/** The page is no wider than its window. */
export const fits = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

/** With BL_SHOTS=DIR the main states are kept as pictures, to be looked at. */
export async function shot(page: Page, name: string): Promise<void> {
  const dir = process.env["BL_SHOTS"];
  if (dir) await page.screenshot({ path: join(dir, `${name}.png`) });
}
