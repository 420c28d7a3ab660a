// GET with ETag by hand, so that "304 Not Modified" hands back the very same object as last time: whoever
// compares by identity (React, TanStack Query) sees that nothing changed and does nothing.
//
// Invariants: at most `max` answers are remembered, least recently used forgotten first; an aborted request
// is neither success nor failure; every other outcome is reported exactly once to `report`.
import type { ApiErrorBody } from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** ok: an answer came (a 404 is one). failed: none came, or one that says the store is away. */
export type Outcome = { ok: true; date: number | null } | { ok: false; reason: string };

export interface ClientOptions {
  fetch: typeof fetch;
  report?: (outcome: Outcome) => void;
  /** The server asks for a key, and did not get one that holds. */
  refused?: () => void;
  max?: number;
}

export interface JsonClient {
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  patch<T>(path: string, keepalive?: boolean): Promise<T>;
  /** Gives the body of the answer; null: it has none. */
  post<T>(path: string, body?: unknown): Promise<T | null>;
  /** What was remembered was for somebody's eyes. */
  forget(): void;
  remembered(): number;
}

interface Remembered {
  etag: string;
  body: unknown;
}

const UNREACHABLE = "The server does not answer.";

function dateOf(response: Response): number | null {
  const at = Date.parse(response.headers.get("Date") ?? "");
  return Number.isNaN(at) ? null : at;
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as Partial<ApiErrorBody> | null;
  const code = body?.error?.code ?? `http_${response.status}`;
  return new ApiError(response.status, code, body?.error?.message ?? `The server answered ${response.status}.`);
}

export function createClient({ fetch, report = () => {}, refused = () => {}, max = 64 }: ClientOptions): JsonClient {
  const known = new Map<string, Remembered>();

  function remember(path: string, entry: Remembered): void {
    known.delete(path);
    known.set(path, entry);
    const oldest = known.keys().next();
    if (known.size > max && !oldest.done) known.delete(oldest.value);
  }

  async function send(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(path, init);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) report({ ok: false, reason: UNREACHABLE });
      throw error;
    }
    if (response.status < 500) report({ ok: true, date: dateOf(response) });
    if (response.ok || response.status === 304) return response;
    const error = await errorOf(response);
    if (response.status >= 500) report({ ok: false, reason: error.message });
    if (response.status === 401) refused();
    throw error;
  }

  return {
    async get<T>(path: string, signal?: AbortSignal): Promise<T> {
      const before = known.get(path);
      const headers: Record<string, string> = before ? { "If-None-Match": before.etag } : {};
      const response = await send(path, { headers, ...(signal ? { signal } : {}) });
      if (response.status === 304 && before) {
        remember(path, before);
        return before.body as T;
      }
      const body: unknown = await response.json();
      const etag = response.headers.get("ETag");
      if (etag) remember(path, { etag, body });
      return body as T;
    },
    async patch<T>(path: string, keepalive = false): Promise<T> {
      const response = await send(path, { method: "PATCH", keepalive });
      return (await response.json()) as T;
    },
    async post<T>(path: string, body?: unknown): Promise<T | null> {
      const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
      const response = await send(path, { method: "POST", ...json });
      return response.status === 204 ? null : ((await response.json()) as T);
    },
    forget: () => known.clear(),
    remembered: () => known.size,
  };
}
