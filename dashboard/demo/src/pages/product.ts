// One product. Two of its buttons are broken, as some button of every shop is: one does nothing, one fails. The guide in
// the bar sends people to them.
import { add } from "../cart";
import { byId, money, products } from "../catalogue";
import { h } from "../dom";
import { draw } from "../drawings";
import type { Place } from "../router";
import { toast } from "../toast";
import { track } from "../track";
import { lost } from "./browse";
import { grid, heading, link } from "./parts";

/** Fails as real code fails: something is missing that was taken for granted. */
function checkStock(): void {
  const stores = (window as { ondeloStores?: { near: (city: string) => string[] } }).ondeloStores!;
  toast(stores.near("here").join(", "));
}

export function product({ path }: Place): HTMLElement[] {
  const item = byId(path.split("/")[2] ?? "");
  if (!item) return lost();
  track("product_view", { product: item.id, price: item.price / 100 });
  const buy = (): void => {
    add(item.id, 1);
    track("add_to_cart", { product: item.id, price: item.price / 100 });
    toast(`${item.name} is in your cart`);
  };
  const others = products.filter((other) => other.kind === item.kind && other.id !== item.id).slice(0, 3);
  return [
    h("p", { class: "crumbs" }, link("/products", "The shop"), " / ", link(`/products?kind=${item.kind}`, item.kind)),
    h(
      "section",
      { class: "product" },
      h("div", { id: "picture", "data-bl-name": "the picture", class: `tile tile-large tile-${item.kind.toLowerCase()}` }, draw(item.drawing, item.name)),
      h(
        "div",
        {},
        heading(item.name),
        h("p", { class: "lead" }, item.line),
        h("p", { class: "price price-large" }, money(item.price)),
        h("p", {}, item.text),
        h("ul", { class: "facts" }, ...item.facts.map((fact) => h("li", {}, fact))),
        h("p", { class: "buttons" }, h("button", { id: "add", class: "button", click: buy }, "Put it into the cart")),
        h("p", { class: "buttons small" }, h("button", { id: "notify", class: "button plain" }, "Tell me when it comes in blue"), h("button", { id: "stock", class: "button plain", click: checkStock }, "Is it in a store near me?")),
      ),
    ),
    h("section", { "aria-labelledby": "others" }, h("h2", { id: "others" }, "Goes well with it"), grid(others)),
  ];
}
