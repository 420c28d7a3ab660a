// Pieces that several pages show.
import { money, type Product } from "../catalogue";
import { h, type Child } from "../dom";
import { draw } from "../drawings";
import { to } from "../router";

/** The heading of a page takes the focus after a step. */
export const heading = (text: string): HTMLElement => h("h1", { tabindex: -1 }, text);

export function card(product: Product): HTMLElement {
  return h(
    "li",
    { class: "card" },
    h("a", { href: to(`/product/${product.id}`) }, h("span", { class: `tile tile-${product.kind.toLowerCase()}` }, draw(product.drawing)), h("strong", {}, product.name), h("span", { class: "soft" }, product.line), h("span", { class: "price" }, money(product.price))),
  );
}

export const grid = (products: Product[]): HTMLElement => h("ul", { class: "grid" }, ...products.map(card));

export const link = (path: string, text: string, look = ""): HTMLElement => h("a", { href: to(path), class: look }, text);

export function field(label: string, name: string, more: Record<string, string | boolean> = {}): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, label), h("input", { name, autocomplete: "off", ...more }));
}

/** The three steps of the way to the till. */
export function steps(current: number): HTMLElement {
  const names = ["Cart", "Checkout", "Payment"];
  return h("ol", { class: "steps", "aria-label": "Steps" }, ...names.map((name, i) => h("li", { "aria-current": i === current ? "step" : null, class: i < current ? "done" : "" }, name)));
}

export function nothing(title: string, text: string, ...more: Child[]): HTMLElement {
  return h("section", { class: "nothing" }, heading(title), h("p", { class: "soft" }, text), ...more);
}
