// The way to the till: cart, checkout, payment, confirmation. These four are the funnel of the abandonment rule.
import { add, empty, lines, size, total, type Line } from "../cart";
import { money } from "../catalogue";
import { h } from "../dom";
import { draw } from "../drawings";
import { go, to } from "../router";
import { track } from "../track";
import { field, heading, link, nothing, steps } from "./parts";

const POST = 490;

function summary(): HTMLElement {
  const row = (name: string, value: string, look = ""): HTMLElement[] => [h("dt", { class: look }, name), h("dd", { class: look }, value)];
  return h("dl", { class: "summary" }, ...row("Things", money(total())), ...row("Post", money(POST)), ...row("In all", money(total() + POST), "sum"));
}

function cartLine({ product, count }: Line, changed: () => void): HTMLElement {
  const step = (by: number, label: string, sign: string): HTMLElement => {
    const act = (): void => {
      add(product.id, by);
      changed();
    };
    return h("button", { class: "round", "aria-label": `${label} ${product.name}`, "data-bl-name": `${label} ${product.id}`, click: act }, sign);
  };
  return h(
    "li",
    {},
    h("span", { class: `tile tile-small tile-${product.kind.toLowerCase()}` }, draw(product.drawing)),
    h("a", { href: to(`/product/${product.id}`) }, product.name),
    h("span", { class: "count" }, step(-1, "One less of", "−"), h("output", { "aria-label": `Number of ${product.name}` }, count), step(1, "One more of", "+")),
    h("span", { class: "price" }, money(product.price * count)),
  );
}

export function cart(): HTMLElement[] {
  const page = h("div", {});
  const render = (): void => {
    if (!size()) return page.replaceChildren(nothing("The cart is empty", "A mug would look well in it.", link("/products", "To the shop", "button")));
    page.replaceChildren(
      steps(0),
      heading("Your cart"),
      h("div", { class: "till" }, h("ul", { class: "lines" }, ...lines().map((line) => cartLine(line, render))), h("aside", { class: "panel", "aria-label": "Sum" }, summary(), link("/checkout", "To the checkout", "button wide"))),
    );
  };
  render();
  return [page];
}

/** A page of the way that makes no sense without something in the cart. */
function withCart(build: () => HTMLElement[]): HTMLElement[] {
  return size() ? build() : [nothing("The cart is empty", "There is nothing to check out yet.", link("/products", "To the shop", "button"))];
}

const note = (text: string): HTMLElement => h("p", { class: "note" }, text);

export const checkout = (): HTMLElement[] =>
  withCart(() => {
    const next = (event: Event): void => {
      event.preventDefault();
      go("/payment");
    };
    const choice = (value: string, text: string, checked: boolean): HTMLElement => h("label", { class: "choice" }, h("input", { type: "radio", name: "post", value, checked }), text);
    return [
      steps(1),
      heading("Where to?"),
      h(
        "div",
        { class: "till" },
        h(
          "form",
          { id: "address", class: "panel form", submit: next },
          note("Make something up: it stays in this tab. Only the names of the fields are reported."),
          field("Name", "name", { required: true }),
          field("E-mail", "email", { required: true, type: "email" }),
          field("Street and number", "street", { required: true }),
          h("div", { class: "pair" }, field("Postcode", "postcode", { required: true }), field("Town", "town", { required: true })),
          h("fieldset", {}, h("legend", {}, "How fast"), choice("standard", "In three days", true), choice("express", "Tomorrow", false)),
          h("p", { class: "buttons" }, h("button", { id: "to-payment", class: "button" }, "On to payment"), link("/cart", "Back to the cart", "button quiet")),
        ),
        h("aside", { class: "panel", "aria-label": "Sum" }, summary()),
      ),
    ];
  });

export const payment = (): HTMLElement[] =>
  withCart(() => {
    const pay = (event: Event): void => {
      event.preventDefault();
      track("purchase", { total: (total() + POST) / 100, items: size() });
      empty();
      go("/confirmation");
    };
    return [
      steps(2),
      heading("Payment"),
      h(
        "div",
        { class: "till" },
        h(
          "form",
          { id: "card", class: "panel form", submit: pay },
          note("Nothing is charged and nothing leaves this tab. Any digits will do; please not your own."),
          field("Card number", "card-number", { required: true, inputmode: "numeric", placeholder: "0000 0000 0000 0000" }),
          h("div", { class: "pair" }, field("Until", "expiry", { required: true, placeholder: "MM/YY" }), field("Code", "code", { required: true, inputmode: "numeric", placeholder: "000" })),
          h("p", { class: "buttons" }, h("button", { id: "pay", class: "button" }, `Pay ${money(total() + POST)}`), link("/checkout", "Back", "button quiet")),
        ),
        h("aside", { class: "panel", "aria-label": "Sum" }, summary()),
      ),
    ];
  });

export function confirmation(): HTMLElement[] {
  return [h("section", { class: "nothing" }, draw("candle"), heading("Thank you"), h("p", { class: "lead" }, "It is on its way, in a manner of speaking."), link("/products", "Once more", "button"))];
}
