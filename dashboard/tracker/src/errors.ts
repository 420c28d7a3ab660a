// What went wrong in the page: errors of its scripts, promises nobody caught, answers of servers with status 400 and
// above. The message without what may be a visitor's (text.ts), at most 200 bytes; no stack. Calls are read from the
// browser's own timing entries: nothing of the page is wrapped. A storm is one event in five seconds for each kind of
// error, and at most 20 a page.
import { shortUrl } from "./element";
import { cut, cutBytes, redact } from "./text";
import { AGAIN_MS, measured, on, type Data, type Tracker } from "./tracker";

const PAGE_MAX = 20;
const BYTES_MAX = 200;

interface Call extends PerformanceEntry {
  initiatorType: string;
  responseStatus?: number;
}

export function watchErrors(t: Tracker): void {
  let since = 0;
  let count = 0;
  let seen: Record<string, number> = {};

  const tell = (action: string, data: Data): void => {
    const what = action + Object.values(data);
    const now = Date.now();
    if (since !== t.since) [since, count, seen] = [t.since, 0, {}];
    if (now - (seen[what] || 0) < AGAIN_MS || ++count > PAGE_MAX) return;
    seen[what] = now;
    t.emit(action, data);
  };
  const message = (text: unknown): string => cutBytes(redact(cut(`${text}`, 2000)), BYTES_MAX);
  const pathOf = (address: string): string => message(shortUrl(new URL(address, location.href)));

  on<ErrorEvent>(window, "error", (event) => {
    // Else it is a picture that did not load.
    if (event.target === window) tell("error", { message: message(event.message), source: pathOf(event.filename), line: event.lineno });
  });
  on<PromiseRejectionEvent>(window, "unhandledrejection", ({ reason }) => {
    const text = (reason as Error | undefined)?.message ?? (typeof reason === "string" ? reason : "rejected");
    tell("error", { message: message(text) });
  });
  measured<Call>("resource", (call) => {
    const status = call.responseStatus || 0;
    if (status < 400 || !/^(fetch|xml)/.test(call.initiatorType) || call.name.startsWith(t.options.endpoint)) return;
    tell("api_error", { status, path: pathOf(call.name) });
  });
}
