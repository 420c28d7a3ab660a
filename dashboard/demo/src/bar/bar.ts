// The bar at the bottom: who you are to BehaviorLens, what the tracker sends, what is detected about you, and a guide to
// provoke it. All of it is data-bl-ignore: watching yourself is no behaviour of a shopper, and the bar's own changes must
// not make a dead click look alive.
import { add, size } from "../cart";
import { h, setText } from "../dom";
import { BASE, go } from "../router";
import { me } from "../track";
import { eventList } from "./event-list";
import { onTracker } from "./events";
import { guideList } from "./guide-list";
import { patternList } from "./pattern-list";
import { pollPatterns } from "./patterns";

const KEY = "ondelo-bar";

function remembered(): boolean {
  try {
    const known = sessionStorage.getItem(KEY);
    return known ? known === "open" : innerWidth >= 900 && innerHeight >= 640;
  } catch {
    return true;
  }
}

function remember(open: boolean): void {
  try {
    sessionStorage.setItem(KEY, open ? "open" : "closed");
  } catch {
    // Next time it opens as it likes.
  }
}

function copyButton(text: string): HTMLElement {
  const button = h("button", { class: "bar-copy", "aria-label": "Copy the session id" }, "Copy");
  button.addEventListener("click", () => {
    const said = (word: string): void => {
      button.textContent = word;
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    // Without TLS there may be no clipboard.
    Promise.resolve()
      .then(() => navigator.clipboard.writeText(text))
      .then(() => said("Copied"), () => said("Select it"));
  });
  return button;
}

const pathHere = (): string => location.pathname.slice(BASE.length).replace(/\/+$/, "") || "/";

function section(id: string, title: string, ...content: Node[]): HTMLElement {
  return h("section", { class: `bar-part bar-${id}`, tabindex: 0, "aria-labelledby": `bar-${id}` }, h("h2", { id: `bar-${id}` }, title), ...content);
}

/** Where a task begins; the till needs something in the cart. */
function lead(path: string): void {
  if (/^\/(cart|checkout)/.test(path) && !size()) add("dawn-mug", 1);
  go(path);
}

export function startBar(at: HTMLElement): void {
  const who = me();
  const page = h("code", {});
  const latest = h("span", { class: "bar-latest" });
  const body = h("div", { class: "bar-body", id: "bar-body" });
  const toggle = h("button", { class: "bar-toggle", "aria-controls": "bar-body" });
  const bar = h("aside", { class: "bar", "data-bl-ignore": true, "aria-label": "What BehaviorLens sees" });

  const setOpen = (open: boolean): void => {
    remember(open);
    body.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
    toggle.textContent = open ? "Hide" : "Show";
    document.documentElement.classList.toggle("bar-open", open);
  };
  toggle.addEventListener("click", () => setOpen(body.hidden));
  setOpen(remembered());

  bar.classList.toggle("away", !who);
  const facts = who
    ? [
        h("span", { class: "bar-fact" }, h("span", { class: "bar-word" }, "session"), h("code", { title: who.session }, who.session), copyButton(who.session)),
        h("span", { class: "bar-fact bar-page" }, "page ", page),
        latest,
        h("a", { class: "bar-link", href: `/?user=${encodeURIComponent(who.user)}`, target: "_blank", rel: "noopener" }, "Dashboard"),
      ]
    : [h("span", { class: "bar-latest" }, "The tracker did not load. An ad blocker may have kept /tracker.js away.")];
  bar.append(h("div", { class: "bar-head" }, h("strong", { class: "bar-brand" }, "BehaviorLens"), ...facts, toggle), body);
  at.append(bar);
  if (!who) return;

  const events = eventList();
  const patterns = patternList();
  const guide = guideList(lead);
  body.append(section("guide", "Provoke it", guide.node), section("patterns", "Detected about you", patterns.node), section("events", "Last events", events.node));

  onTracker((state, news) => {
    events.take(state, news);
    setText(page, pathHere());
  });
  setText(page, pathHere());
  pollPatterns(who.user, (list) => {
    bar.classList.toggle("away", !list);
    const fresh = patterns.take(list);
    if (list) guide.take(list);
    setText(latest, list ? (list[0]?.explanation ?? "Nothing detected yet.") : "The server does not answer.");
    if (fresh.length) {
      latest.classList.remove("fresh");
      void latest.offsetWidth; // start the animation anew
      latest.classList.add("fresh");
    }
  });
}
