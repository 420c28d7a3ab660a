import { describe, expect, test, vi } from "vitest";
import { ApiError, createClient, type Outcome } from "./client";

type Answer = { status: number; body?: unknown; etag?: string };

function world(answers: Answer[]) {
  const seen: { path: string; headers: Record<string, string> }[] = [];
  const outcomes: Outcome[] = [];
  const fetch = vi.fn(async (path: RequestInfo | URL, init?: RequestInit) => {
    seen.push({ path: String(path), headers: (init?.headers ?? {}) as Record<string, string> });
    const answer = answers.shift();
    if (!answer) throw new TypeError("refused");
    const empty = answer.status === 304;
    return new Response(empty ? null : JSON.stringify(answer.body), {
      status: answer.status,
      headers: answer.etag ? { ETag: answer.etag, Date: "Sun, 22 Nov 2026 06:00:00 GMT" } : {},
    });
  });
  return { seen, outcomes, client: createClient({ fetch: fetch as typeof globalThis.fetch, report: (o) => outcomes.push(o), max: 2 }) };
}

describe("the client", () => {
  test("gives the same object again after a 304", async () => {
    const { client, seen } = world([{ status: 200, body: [1], etag: 'W/"a"' }, { status: 304 }]);
    const first = await client.get("/api/pages");
    const second = await client.get("/api/pages");
    expect(second).toBe(first);
    expect(seen[1]?.headers).toEqual({ "If-None-Match": 'W/"a"' });
  });

  test("takes a changed answer", async () => {
    const { client } = world([{ status: 200, body: [1], etag: "a" }, { status: 200, body: [2], etag: "b" }]);
    await client.get("/x");
    expect(await client.get("/x")).toEqual([2]);
  });

  test("remembers no more than its bound, and forgets the least recently used", async () => {
    const { client, seen } = world([
      { status: 200, body: 1, etag: "1" },
      { status: 200, body: 2, etag: "2" },
      { status: 304 },
      { status: 200, body: 3, etag: "3" },
      { status: 200, body: 2, etag: "2" },
    ]);
    for (const path of ["/1", "/2", "/1", "/3", "/2"]) await client.get(path);
    expect(client.remembered()).toBe(2);
    expect(seen[4]?.headers).toEqual({});
  });

  test("a 404 is an answer: an error for the caller, not for the connection", async () => {
    const { client, outcomes } = world([{ status: 404, body: { error: { code: "not_found", message: "Nothing.", field: null } } }]);
    await expect(client.get("/api/users/x")).rejects.toMatchObject({ status: 404, code: "not_found", message: "Nothing." });
    expect(outcomes).toEqual([{ ok: true, date: null }]);
  });

  test("a 503 and a refused connection are failures, with the reason", async () => {
    const { client, outcomes } = world([{ status: 503, body: { error: { code: "store_unavailable", message: "Redis is away.", field: null } } }]);
    await expect(client.get("/x")).rejects.toBeInstanceOf(ApiError);
    await expect(client.get("/x")).rejects.toThrow("refused");
    expect(outcomes).toEqual([
      { ok: false, reason: "Redis is away." },
      { ok: false, reason: "The server does not answer." },
    ]);
  });

  test("an aborted request is reported as nothing", async () => {
    const outcomes: Outcome[] = [];
    const fetch = (async () => {
      throw new DOMException("gone", "AbortError");
    }) as typeof globalThis.fetch;
    await expect(createClient({ fetch, report: (o) => outcomes.push(o) }).get("/x")).rejects.toThrow("gone");
    expect(outcomes).toEqual([]);
  });

  test("tells of a key that is asked for, posts, and forgets on request", async () => {
    let refused = 0;
    const answers = [new Response(null, { status: 204 }), new Response('{"a":1}', { status: 200, headers: { ETag: "x" } }), new Response("{}", { status: 401 })];
    const sent: RequestInit[] = [];
    const fetch = async (_: RequestInfo | URL, init?: RequestInit): Promise<Response> => (sent.push(init ?? {}), answers.shift()!);
    const client = createClient({ fetch: fetch as typeof globalThis.fetch, refused: () => refused++ });
    expect(await client.post("/logout")).toBe(null);
    await client.get("/x");
    expect(client.remembered()).toBe(1);
    client.forget();
    expect(client.remembered()).toBe(0);
    await expect(client.post("/login", { key: "k" })).rejects.toThrow(ApiError);
    expect([refused, sent[2]?.method, sent[2]?.body]).toEqual([1, "POST", '{"key":"k"}']);
  });
});
