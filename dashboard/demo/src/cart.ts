// The cart: product ids and counts, for as long as the tab lives.
import { byId, type Product } from "./catalogue";

const KEY = "ondelo-cart";
const COUNT_MAX = 9;

let counts = read();
const watchers = new Set<() => void>();

function read(): Record<string, number> {
  try {
    const known = JSON.parse(sessionStorage.getItem(KEY) ?? "{}") as Record<string, number>;
    return Object.fromEntries(Object.entries(known).filter(([id, n]) => byId(id) && n > 0 && n <= COUNT_MAX));
  } catch {
    return {};
  }
}

function write(next: Record<string, number>): void {
  counts = next;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // It lives until the page is left.
  }
  watchers.forEach((tell) => tell());
}

export interface Line {
  product: Product;
  count: number;
}

export const lines = (): Line[] => Object.entries(counts).map(([id, count]) => ({ product: byId(id)!, count }));
export const total = (): number => lines().reduce((sum, { product, count }) => sum + product.price * count, 0);
export const size = (): number => lines().reduce((sum, { count }) => sum + count, 0);
export const empty = (): void => write({});

/** Adds so many, or takes them out; none left, and the line is gone. */
export function add(id: string, count: number): void {
  const next = { ...counts, [id]: Math.min((counts[id] ?? 0) + count, COUNT_MAX) };
  if (next[id]! <= 0) delete next[id];
  write(next);
}

export function onCart(tell: () => void): void {
  watchers.add(tell);
}
