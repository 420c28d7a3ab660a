// Elements by function call: h("a", { href: "/" }, "Home"). Text goes in as text, so nothing has to be escaped, and there
// is no inline style or script, which the Content-Security-Policy would refuse.

export type Child = Node | string | number | false | null | undefined;
type Props = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;

const SVG = "http://www.w3.org/2000/svg";

function fill<E extends Element>(el: E, props: Props, children: Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") el.addEventListener(name, value);
    else if (value !== false && value !== null && value !== undefined) el.setAttribute(name, value === true ? "" : String(value));
  }
  el.append(...children.filter((child) => child !== false && child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
  return el;
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  return fill(document.createElementNS(SVG, tag) as SVGElement, props, children);
}

/** Changes text only if it differs: whoever watches the page sees no change where there is none. */
export function setText(el: Element, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}
