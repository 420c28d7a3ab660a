// Text that leaves the page: bounded, well-formed, and without what may belong to the visitor.

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

export const cut = (text: string, most: number): string => text.slice(0, most);

/** At most `most` bytes of UTF-8. */
export function cutBytes(text: string, most: number): string {
  for (text = cut(text, most); bytesOf(text) > most; ) text = text.slice(0, -1);
  return text;
}

/**
 * JSON with every string well-formed: half a character, as a cut leaves it, makes JSON that servers refuse.
 * JSON.stringify writes such a half as \udxxx.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(/\\(?:\\|ud[89a-f]..)/g, (found) => (found[1] === "u" ? "\\ufffd" : found));
}

// What a message of an error can carry of a visitor: queries of addresses, quoted input ("…" is how engines quote data;
// names of properties stand in '…'), mail addresses, long numbers.
export function redact(text: string): string {
  return text.replace(/\?[^\s"')]*|[^\s'"(<]+@[^\s'")>]+|\d{5,}/g, "*").replace(/"[^"]*"?/g, '"*"');
}

/** randomUUID exists only in secure contexts; shops without TLS exist. */
export function uuid(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("-");
}
