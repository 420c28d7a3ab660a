// The way out. Events wait in a bounded queue and leave in batches, one request at a time:
//
//   push ──> queue ──(250 ms, or a full batch)──> post ──2xx──> sent
//              ^                                    ├──207, 400──> those the answer names dropped, the others sent
//              ├──half as many at a time────────────├──413
//              ├──back-off with jitter──────────────├──5xx, 408, no answer
//              ├──Retry-After───────────────────────├──429, 503
//              │                                    └──other──> dropped
//   leave: what waits goes by beacon, the page may die
//
// 250 ms, because a server waits half a second for an event before a deadline fires (`grace`): a click must not come
// later than that. What may have been stored is sent again under the same event_id, and takes effect once. While
// requests fail a beacon is a copy: nobody says whether it arrived. Over QUEUE_MAX the oldest give way: they would
// come too late to matter.
//
// An event carries its time only if it had to wait: clocks of visitors are minutes wrong, and a fresh event happened when
// the server takes it. A click that a slow clock dates a minute back would look like a minute of hesitation.
import { bytesOf, toJson } from "./text";

const BATCH_MS = 250;
const BATCH_MAX = 50;
const BYTES_MAX = 60_000; // browsers take 64 KiB for beacons and requests that outlive the page
const QUEUE_MAX = 500;
const ANSWER_MS = 10_000;
const FRESH_MS = 1_000;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;
const ASKED_MAX_MS = 86_400_000;

export interface Sent {
  event_id: string;
  action: string;
  [field: string]: unknown;
}
export type State = "queued" | "sent" | "retry" | "dropped";
interface Item {
  event: Sent;
  text: string;
  at: number;
}
export interface Sender {
  push(event: Sent): void;
  leave(): void;
}

/** Retry-After in ms: seconds or a date; 0: none. */
export function retryAfter(value: string | null): number {
  const ms = Number(value) * 1000 || Date.parse(value!) - Date.now();
  return ms > 0 ? Math.min(ms, ASKED_MAX_MS) : 0;
}

export function createSender(endpoint: string, key: string, notify: (state: State, events: Sent[]) => void): Sender {
  let queue: Item[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let posting = false;
  let failures = 0;
  let most = BATCH_MAX;
  let waitUntil = 0; // of the back-off
  let asked = 0; // the server's own word for it

  const tell = (state: State, items: Item[]): void => {
    if (items.length) notify(state, items.map((item) => item.event));
  };
  const bodyOf = (batch: Item[]): string => {
    const now = Date.now();
    const dated = batch.map(({ text, at }) => (now - at < FRESH_MS ? text : `{"timestamp":${at},` + text.slice(1)));
    return `{"sent_at":${now},"events":[${dated}]}`;
  };

  /** The next batch from `from` on. */
  const batchFrom = (from: number): Item[] => {
    let bytes = 0;
    return queue.slice(from, from + most).filter((item, i) => (bytes += bytesOf(item.text) + 40) < BYTES_MAX || !i);
  };

  const schedule = (): void => {
    clearTimeout(timer);
    if (!posting && queue.length) timer = setTimeout(post, Math.max(waitUntil - Date.now(), queue.length < most ? BATCH_MS : 0));
  };

  const bound = (): void => tell("dropped", queue.splice(0, queue.length - QUEUE_MAX));

  const again = (batch: Item[], wait: number): void => {
    queue = batch.concat(queue);
    waitUntil = Date.now() + wait;
    tell("retry", batch);
    bound();
  };

  const fail = (batch: Item[], wanted = 0): void => {
    const wait = Math.min(RETRY_MS * 2 ** failures++, RETRY_MAX_MS) / 2;
    again(batch, (wanted || wait) + wait * Math.random());
  };

  const judge = async (batch: Item[], answer: Response): Promise<void> => {
    const { status } = answer;
    if (status === 413 && batch.length > 1) {
      most = batch.length >> 1;
      again(batch, 0);
    } else if (status > 499 || status === 429 || status === 408) {
      const wait = retryAfter(answer.headers.get("Retry-After"));
      if (wait) asked = Date.now() + wait;
      fail(batch, wait);
    } else {
      failures = 0;
      const { errors = [] } = status === 207 ? ((await answer.json()) as { errors?: { index: number }[] }) : {};
      const refused = (_: Item, i: number): boolean => !answer.ok || errors.some((error) => error.index === i);
      tell("dropped", batch.filter(refused));
      tell("sent", batch.filter((item, i) => !refused(item, i)));
    }
  };

  const post = async (): Promise<void> => {
    const batch = batchFrom(0);
    if (!batch[0]) return;
    queue.splice(0, batch.length);
    posting = true;
    // text/plain is what a beacon sends: no preflight.
    const headers = { "Content-Type": "text/plain", ...(key && { Authorization: `Bearer ${key}` }) };
    let answer: Response | undefined;
    try {
      answer = await fetch(endpoint, { method: "POST", body: bodyOf(batch), headers, keepalive: true, signal: AbortSignal.timeout?.(ANSWER_MS) });
      await judge(batch, answer);
    } catch {
      if (!answer) fail(batch);
    }
    posting = false;
    schedule();
  };

  const beacon = (batch: Item[]): boolean => {
    try {
      const url = new URL(endpoint);
      if (key) url.searchParams.set("key", key);
      return navigator.sendBeacon(url, bodyOf(batch));
    } catch {
      return false;
    }
  };

  return {
    push(event) {
      queue.push({ event, text: toJson(event), at: Date.now() });
      tell("queued", queue.slice(-1));
      bound();
      if (queue.length < 2 || queue.length === most) schedule();
    },
    leave() {
      if (Date.now() < asked) return;
      let from = 0;
      for (let batch; (batch = batchFrom(from))[0] && beacon(batch); ) from += batch.length;
      if (failures) return;
      tell("sent", queue.splice(0, from));
      void post();
    },
  };
}
