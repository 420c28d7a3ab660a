// Behind keys: nobody sees anything without one, a reader reads, an admin resolves, and a page of another site can do
// nothing in their name.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, phase, reader, rows, shot, until, violations, type Reader } from "./browser";
import { startProgram, type Keys, type Up } from "./program";

let program: Up;
let keys: Keys;
let browser: Browser;
let boss: Reader, guest: Reader;

const get = <T>(path: string, key: string): Promise<T> =>
  fetch(program.url + path, { headers: { Authorization: `Bearer ${key}` } }).then((answer) => answer.json() as Promise<T>);

async function makeLoop(user: string): Promise<void> {
  const visit = { user_id: user, action: "page_view", page: `/${user}` };
  const answer = await fetch(`${program.url}/events/batch`, {
    method: "POST",
    body: JSON.stringify([visit, visit, visit]),
    headers: { Authorization: `Bearer ${keys.write}` },
  });
  expect(answer.status).toBe(202);
  await until(`a loop of ${user}`, async () => (await get<unknown[]>(`/api/patterns?user_id=${user}`, keys.read)).length > 0);
}

const field = (who: Reader) => who.page.getByLabel("Read or admin token");
const enter = async (who: Reader, token: string): Promise<void> => {
  await field(who).fill(token);
  await who.page.keyboard.press("Enter");
};

beforeAll(async () => {
  program = await startProgram("rules: {hesitation: off}\n");
  keys = await program.makeKeys();
  browser = await launch();
  boss = await reader(browser, { live: true });
  guest = await reader(browser);
  await makeLoop("ann");
});
afterAll(async () => {
  await browser?.close();
  await program?.close();
});

it("a stranger sees the way in, and nothing else", async () => {
  const asked: string[] = [];
  const note = (request: { url(): string }): void => void asked.push(new URL(request.url()).pathname);
  boss.page.on("request", note);
  await boss.page.goto(program.url);
  await field(boss).waitFor();
  boss.page.off("request", note);
  expect(asked.filter((path) => path.startsWith("/api/"))).toEqual([]);
  expect(await boss.page.evaluate(() => document.activeElement?.id)).toBe("login-key");
  expect(await boss.page.title()).toBe("Log in · BehaviorLens");
  for (const colorScheme of ["light", "dark"] as const) {
    await boss.page.emulateMedia({ colorScheme });
    await shot(boss.page, `login-${colorScheme}`);
    expect(await violations(boss.page)).toEqual([]);
  }
  await boss.page.emulateMedia({ colorScheme: null });
});

it("a wrong token, none, and a write key are told so", async () => {
  const said = boss.page.getByRole("alert");
  await boss.page.keyboard.press("Enter");
  await said.filter({ hasText: "Enter a token" }).waitFor();
  await enter(boss, "bla_0000000000_0000000000000000000000000000000000000000");
  await said.filter({ hasText: "No such key" }).waitFor();
  expect(await violations(boss.page)).toEqual([]);
  await enter(boss, keys.write);
  await said.filter({ hasText: "write key" }).waitFor();
  expect(await boss.context.cookies()).toEqual([]);
});

it("an admin comes in by keyboard alone; the stream goes by the cookie, which no script sees", async () => {
  await enter(boss, keys.admin);
  await rows(boss.page, "ann").locator(".state-open").waitFor();
  await phase(boss.page, "live").waitFor();
  await makeLoop("bob");
  await rows(boss.page, "bob").waitFor();
  expect(await boss.context.cookies()).toMatchObject([{ httpOnly: true, sameSite: "Strict", path: "/" }]);
  expect(await boss.page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain("bla_");
  await boss.page.reload();
  await rows(boss.page, "ann").waitFor();
  expect(await boss.page.getByTestId("person").textContent()).toBe("boss");
  expect(await violations(boss.page)).toEqual([]);
});

it("who may only read is shown no way to resolve, and no key does it", async () => {
  const patches: string[] = [];
  guest.page.on("request", (request) => void (request.method() === "PATCH" && patches.push(request.url())));
  await guest.page.goto(program.url);
  await field(guest).waitFor();
  await enter(guest, keys.read);
  await rows(guest.page, "ann").locator(".state-open").waitFor();
  expect(await guest.page.getByTestId("person").textContent()).toBe("ann, read-only");
  expect(await guest.page.getByRole("button", { name: /^Resolve/ }).count()).toBe(0);
  await guest.page.keyboard.press("j");
  await guest.page.keyboard.press("r");
  await guest.page.keyboard.press("Enter");
  await guest.page.getByTestId("panel").waitFor();
  expect(await guest.page.getByRole("button", { name: /^Resolve/ }).count()).toBe(0);
  expect(await guest.page.getByTestId("toast").count()).toBe(0);
  await shot(guest.page, "read-only");
  // Not even by hand.
  const [pattern] = await get<{ pattern_id: string }[]>("/api/patterns?user_id=ann", keys.read);
  const status = await guest.page.evaluate((id) => fetch(`/api/patterns/${id}/resolve`, { method: "PATCH" }).then((a) => a.status), pattern!.pattern_id);
  expect(status).toBe(403);
  expect(patches).toHaveLength(1);
});

it("an admin resolves", async () => {
  await rows(boss.page, "bob").locator(".row-says").click();
  await boss.page.getByTestId("panel").getByRole("button", { name: "Resolve" }).click();
  await rows(boss.page, "bob").locator(".state-done").waitFor();
  expect(await get("/api/patterns?user_id=bob", keys.read)).toMatchObject([{ resolved: true, resolution: "manual" }]);
});

/** A page of another origin: the same name, another port, so that even SameSite does not keep the cookie away. */
async function neighbour(head = ""): Promise<Server> {
  const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(`<!doctype html><title>other</title>${head}`));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return server;
}

it("a page of another origin changes nothing in an admin's name", async () => {
  const other = await neighbour();
  const [pattern] = await get<{ pattern_id: string }[]>("/api/patterns?user_id=ann", keys.read);
  const page = await boss.context.newPage();
  const answered: [string, number][] = [];
  page.on("response", (response) => void answered.push([response.request().method(), response.status()]));
  await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
  const tried = await page.evaluate(
    async ([url, id]) => {
      const call = (path: string, init: RequestInit): Promise<string> => fetch(url + path, { credentials: "include", ...init }).then((a) => String(a.status), () => "blocked");
      return [
        await call(`/api/patterns/${id}/resolve`, { method: "PATCH" }),
        await call("/events", { method: "POST", mode: "no-cors", body: '{"user_id":"forged","action":"click","page":"/"}' }),
        await call("/logout", { method: "POST", mode: "no-cors" }),
        await call("/login", { method: "POST", mode: "no-cors", body: "{}" }),
        await call("/api/patterns", {}),
      ];
    },
    [program.url, pattern!.pattern_id] as const,
  );
  expect(tried).toEqual(["blocked", "0", "0", "0", "blocked"]);
  expect(answered.filter(([method]) => method === "POST").map(([, status]) => status)).toEqual([403, 403, 403]);
  expect(await get("/api/patterns?user_id=ann", keys.read)).toMatchObject([{ resolved: false }]);
  expect(await get("/api/events?user_id=forged", keys.read)).toEqual([]);
  await page.close();
  other.close();
  await boss.page.reload();
  await rows(boss.page, "ann").waitFor(); // still logged in
});

it("the tracker of another site sends with its key; without one nothing is taken", async () => {
  const scripts = [`data-key="${keys.write}" data-user-id="keyed"`, 'data-user-id="keyless"'];
  const sites = await Promise.all(scripts.map((more) => neighbour(`<script defer src="${program.url}/tracker.js" ${more}></script>`)));
  const visitor = await reader(browser);
  for (const site of [...sites].reverse()) {
    const answered = visitor.page.waitForResponse((response) => response.url().includes("/events/batch") && response.request().method() === "POST");
    await visitor.page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/shoes`);
    expect((await answered).status()).toBe(site === sites[0] ? 202 : 401);
  }
  await until("the visit", async () => (await get<unknown[]>("/api/events?user_id=keyed", keys.read)).length > 0);
  expect(await get("/api/events?user_id=keyless", keys.read)).toEqual([]);
  await visitor.context.close();
  for (const site of sites) site.close();
});

it("who logs out is out, in every window", async () => {
  const second = await boss.context.newPage();
  await second.goto(program.url);
  await rows(second, "ann").waitFor();
  await boss.page.getByRole("button", { name: "Log out" }).click();
  await field(boss).waitFor();
  expect(await rows(boss.page).count()).toBe(0);
  expect(await boss.context.cookies()).toEqual([]);
  await second.getByLabel("Read or admin token").waitFor();
  await second.close();
});

it("who is revoked is out within moments, and the shop still sells to an admin", async () => {
  await program.revoke(keys.read);
  await field(guest).waitFor();
  await enter(guest, keys.admin);
  await rows(guest.page, "ann").waitFor();
  await guest.page.goto(`${program.url}/demo/`);
  const user = await guest.page.evaluate(() => (window as unknown as { behaviorlens: { user: string } }).behaviorlens.user);
  await until("the shop's events", async () => (await get<unknown[]>(`/api/events?user_id=${user}`, keys.admin)).length > 0);
});

it("the browsers had nothing to complain about", () => {
  expect([...boss.complaints, ...guest.complaints]).toEqual([]);
});
