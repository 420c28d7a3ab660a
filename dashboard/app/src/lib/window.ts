// Which rows of a long list are on the screen, and a few more on both sides: [first, last).
export interface Window {
  first: number;
  last: number;
}

export function windowOf(scrollTop: number, height: number, rowHeight: number, count: number, overscan: number): Window {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - overscan);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + overscan);
  return { first: Math.min(first, Math.max(0, last)), last: Math.max(0, last) };
}
