// How an element is called in events: the same on every visit, readable, bounded, and never made of text on the page,
// which may be what somebody typed. In order of trust: data-bl-name (the site's own name for it), data-testid, id, name,
// the path of a link; else where it stands below the nearest ancestor that has one of these.
import { cut } from "./text";

const LEVELS_MAX = 5;
const PART_MAX = 60;

const interactive =
  "a,button,input,select,textarea,label,summary,[data-bl-name],[data-testid],[role=button],[role=link],[role=tab],[role=option],[role^=menuitem]";

export const isWeb = (link: HTMLAnchorElement): boolean => /^http/.test(link.protocol);

/** Ids that frameworks count up are other ones tomorrow. */
export function isStable(id: string): boolean {
  return /^[a-z][\w-]*$/i.test(id) && !/\d{3}|(?=[a-f]*\d)[\da-f]{8}/.test(id);
}

/** Host, if another, and path; without the query. */
export const shortUrl = (url: { host: string; pathname: string }): string => (url.host === location.host ? "" : url.host) + url.pathname;

/** The path of a link; mailto: and its kin carry addresses of people and count as none. */
const linkPath = (link: HTMLAnchorElement): string => (link.localName === "a" && isWeb(link) ? shortUrl(link) : "");

function ownName(el: Element): string {
  const get = (name: string): string => el.getAttribute(name) || "";
  const given = get("data-bl-name");
  if (given) return given;
  const id = get("id");
  if (isStable(id)) return `${el.localName}#${id}`;
  const name = get("data-testid") || get("name") || linkPath(el as HTMLAnchorElement);
  return name && `${el.localName}[${name}]`;
}

/** The tag, with its number among siblings of the same kind if there are several. */
function place(el: Element): string {
  const tag = el.localName;
  const same = [...(el.parentElement?.children || [])].filter((other) => other.localName === tag);
  return same.length > 1 ? `${tag}:${same.indexOf(el) + 1}` : tag;
}

export function describe(el: Element): string {
  const parts: string[] = [];
  for (let at: Element | null = el, name = ""; at && !name && at !== document.body && parts.length < LEVELS_MAX; at = at.parentElement) {
    name = ownName(at);
    parts.unshift(cut(name || place(at), PART_MAX));
  }
  return parts.join(" > ") || "body";
}

/** What was meant by a click: the control around the icon that was hit, or the whole drawing. */
export const meant = (el: Element): Element => el.closest(interactive) || (el as SVGElement).ownerSVGElement || el;

/** Is this node, or the target of an event, in a part of the page that is not to be looked at? */
export const isIgnored = (at: EventTarget | null): boolean => !!((at as Element).closest ? (at as Element) : (at as Node).parentElement)?.closest("[data-bl-ignore]");

/**
 * The element that a person's act came from, inside open shadow roots too. None if a script did it, or if nothing is to
 * be said about the element.
 */
export function originOf(event: Event): Element | undefined {
  const path = event.composedPath() as Element[];
  return event.isTrusted && !path.some((at) => at.hasAttribute?.("data-bl-ignore")) && path[0]!.localName ? path[0] : undefined;
}
