// Looking around: home, all products, search, help.
import { find, products, type Product } from "../catalogue";
import { h } from "../dom";
import { draw, shelf } from "../drawings";
import { go, to, type Place } from "../router";
import { track } from "../track";
import { grid, heading, link, nothing } from "./parts";

export function home(): HTMLElement[] {
  const promises: [Parameters<typeof draw>[0], string, string][] = [
    ["kettle", "Made to be used", "Everything here may get wet, hot and chipped. That is what it is for."],
    ["towel", "Sent without plastic", "Straw, paper, string. The parcel burns, the things inside do not."],
    ["planter", "Taken back", "Thirty days, no questions. After that, one question."],
  ];
  return [
    h(
      "section",
      { class: "hero" },
      h("div", { class: "hero-text" }, h("p", { class: "eyebrow" }, "Ondelo, since this morning"), heading("Quiet things for slow mornings"), h("p", { class: "lead" }, "Mugs, pots and lamps from small workshops. Nothing blinks, nothing talks, nothing needs an update."), h("p", { class: "buttons" }, link("/products", "See everything", "button"), link("/product/dawn-mug", "The Dawn mug", "button quiet"))),
      shelf("teapot", "mug", "lamp"),
    ),
    h("section", { "aria-labelledby": "liked" }, h("h2", { id: "liked" }, "What others like"), grid([products[1]!, products[6]!, products[7]!])),
    h("section", { class: "promises", "aria-label": "How we work" }, ...promises.map(([picture, title, text]) => h("div", {}, draw(picture), h("h3", {}, title), h("p", { class: "soft" }, text)))),
  ];
}

const kinds = ["Everything", "Table", "Kitchen", "Home"];

export function all({ query }: Place): HTMLElement[] {
  const kind = query.get("kind") ?? kinds[0]!;
  const shown = products.filter((product) => kind === kinds[0] || product.kind === kind);
  const chip = (name: string): HTMLElement => h("a", { class: "chip", href: to(`/products${name === kinds[0] ? "" : `?kind=${name}`}`), "aria-current": name === kind ? "true" : null }, name);
  return [heading("The shop"), h("nav", { class: "chips", "aria-label": "Kinds" }, ...kinds.map(chip)), grid(shown)];
}

function results(words: string, found: Product[]): HTMLElement {
  if (!words) return h("p", { class: "soft" }, "Try mug, light, linen or oak.");
  if (!found.length) return h("p", { class: "soft", role: "status" }, `Nothing is called “${words}” here. Try mug, light, linen or oak.`);
  return h("div", {}, h("p", { class: "soft", role: "status" }, `${found.length} for “${words}”`), grid(found));
}

export function search({ query }: Place): HTMLElement[] {
  const words = query.get("q") ?? "";
  const input = h("input", { id: "words", name: "q", type: "search", value: words, autocomplete: "off", required: true });
  const found = find(words);
  if (words) track("search", { results: found.length }); // how many, not what for
  const look = (event: Event): void => {
    event.preventDefault();
    go(`/search?q=${encodeURIComponent(input.value)}`);
  };
  return [
    heading("Search"),
    h("form", { id: "search", class: "search", role: "search", submit: look }, h("label", { for: "words", class: "unseen" }, "Words"), input, h("button", { class: "button" }, "Search")),
    results(words, found),
  ];
}

export function help(): HTMLElement[] {
  const answers: [string, string][] = [
    ["When does it come?", "In three days, or tomorrow with express. In truth never: this is a shop to try BehaviorLens in, and nothing is sold."],
    ["May I send it back?", "Within thirty days, washed or not."],
    ["What happens to what I type?", "It stays in this tab. The tracker tells which field was touched, never what is in it; the bar below shows everything it sends."],
  ];
  return [heading("Help"), h("div", { class: "answers" }, ...answers.map(([question, answer]) => h("details", {}, h("summary", {}, question), h("p", {}, answer))))];
}

export function lost(): HTMLElement[] {
  return [nothing("There is no such page", "Perhaps it sold out.", link("/products", "To the shop", "button"))];
}
