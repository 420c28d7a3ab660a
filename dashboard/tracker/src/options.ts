// What the script element can say. This table is the whole configuration:
//
//   attribute       default                     what
//   data-endpoint   /events/batch of the host   where batches are posted
//                   that serves the script
//   data-key        none                        sent as `Authorization: Bearer`, on beacons as ?key=
//   data-base       none                        path below which the site lives ("/shop"): cut off the front of pages,
//                                               so that /shop/cart is /cart to the rules
//   data-hash       off                         pages are in the fragment (#/cart): for hash routers
//   data-privacy    minimal                     what to do for visitors who send Global Privacy Control or Do Not Track:
//                                               `silent`: nothing at all; `minimal`: pages alone and what the page itself
//                                               tracks, without data, under an id that is nowhere stored; `ignore`: as
//                                               for everybody else
//   data-user-id    random                      the site's own opaque id of the visitor, instead of a random one per
//                                               browser session
//
// In the page: `data-bl-ignore` on an element: nothing is sent about it and what is inside. `data-bl-name="…"`: the
// name under which an element appears in the sentences.
export interface Options {
  endpoint: string;
  key: string;
  base: string;
  hash: boolean;
  userId: string;
  /** What the visitor's privacy signal, if there is one, and the setting make of it. */
  full: boolean;
  silent: boolean;
}

/** Sec-GPC and DNT are headers; scripts see these. */
interface Signals {
  globalPrivacyControl?: unknown;
  doNotTrack?: unknown;
}

export function readOptions(data: Record<string, string | undefined>, src: string, signals: Signals): Options {
  const get = (name: string): string => data[name] || "";
  const privacy = get("privacy");
  const full = privacy === "ignore" || (signals.globalPrivacyControl !== true && signals.doNotTrack !== "1");
  return {
    endpoint: new URL(get("endpoint") || "/events/batch", src).href,
    key: get("key"),
    base: get("base").replace(/\/+$/, ""),
    hash: "hash" in data,
    userId: get("userId").slice(0, 128),
    full,
    silent: !full && privacy === "silent",
  };
}
