// Ondelo, a small shop to try BehaviorLens in: a single-page app of its own, with the tracker embedded as a customer would
// (index.html), and a bar that shows what the tracker sends and what is made of it (bar/).
import { startBar } from "./bar/bar";
import { onCart, size } from "./cart";
import { h, setText } from "./dom";
import { all, help, home, lost, search } from "./pages/browse";
import { product } from "./pages/product";
import { cart, checkout, confirmation, payment } from "./pages/till";
import { startRouter, to, type Place } from "./router";
import { toastBox } from "./toast";
import "./styles/base.css";
import "./styles/shop.css";
import "./styles/till.css";
import "./styles/drawings.css";
import "./styles/bar.css";

interface Page {
  title: string;
  build(place: Place): HTMLElement[];
}

const pages: Record<string, Page> = {
  "": { title: "Quiet things for slow mornings", build: home },
  products: { title: "The shop", build: all },
  search: { title: "Search", build: search },
  product: { title: "Product", build: product },
  cart: { title: "Cart", build: cart },
  checkout: { title: "Checkout", build: checkout },
  payment: { title: "Payment", build: payment },
  confirmation: { title: "Thank you", build: confirmation },
  help: { title: "Help", build: help },
};

const nav: [string, string][] = [
  ["/products", "Shop"],
  ["/search", "Search"],
  ["/help", "Help"],
];

function header(): HTMLElement {
  const badge = h("span", { class: "badge" });
  const cartLink = h("a", { href: to("/cart"), class: "cart-link" }, "Cart ", badge);
  const count = (): void => {
    setText(badge, String(size()));
    badge.classList.toggle("none", !size());
    cartLink.setAttribute("aria-label", `Cart, ${size()} things`);
  };
  onCart(count);
  count();
  const links = nav.map(([path, text]) => h("a", { href: to(path) }, text));
  return h("header", { class: "top" }, h("a", { href: to("/"), class: "brand" }, "Ondelo"), h("nav", { "aria-label": "Main" }, ...links, cartLink));
}

function start(): void {
  const main = h("main", { id: "main" });
  const top = header();
  const footer = h("footer", { class: "foot soft" }, "Ondelo sells nothing: it is the demo shop of BehaviorLens. Its things are drawn, not photographed.");
  document.getElementById("shop")!.append(h("a", { href: "#main", class: "skip" }, "To the content"), top, main, footer, toastBox());

  startRouter((place) => {
    const page = pages[place.path.split("/")[1] ?? ""] ?? { title: "Not here", build: lost };
    main.replaceChildren(...page.build(place));
    document.title = `${page.title} · Ondelo`;
    for (const a of top.querySelectorAll("a")) {
      if (new URL(a.href).pathname === to(place.path)) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
  });
  startBar(document.getElementById("bar")!);
}

start();
