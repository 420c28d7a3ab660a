// The list of the last events. A row is made once and changes in place.
import { h, setText } from "../dom";
import type { Sent } from "../track";
import { about, withNews, type Shown, type State } from "./events";

const signs: Record<State, [sign: string, word: string]> = {
  queued: ["◌", "queued"],
  sent: ["✓", "sent"],
  retry: ["↻", "failed, will be sent again"],
  dropped: ["✕", "given up"],
};

interface Row {
  node: HTMLElement;
  set(state: State): void;
}

function makeRow({ event, state }: Shown): Row {
  const sign = h("span", { "aria-hidden": "true" });
  const word = h("span", { class: "unseen" });
  const node = h("li", {}, h("span", { class: "bar-sign" }, sign, word), h("code", {}, event.action), h("span", { class: "bar-about" }, about(event)));
  const set = (now: State): void => {
    setText(sign, signs[now][0]);
    setText(word, signs[now][1]);
    node.title = signs[now][1];
    node.className = `bar-event bar-${now}`;
  };
  set(state);
  return { node, set };
}

export function eventList(): { node: HTMLElement; take(state: State, events: Sent[]): void } {
  const list = h("ol", { class: "bar-list" });
  let shown: Shown[] = [];
  let rows = new Map<string, Row>();

  return {
    node: list,
    take(state, events) {
      shown = withNews(shown, state, events);
      const next = new Map<string, Row>();
      for (const one of shown) {
        const row = rows.get(one.event.event_id) ?? makeRow(one);
        row.set(one.state);
        next.set(one.event.event_id, row);
      }
      for (const [id, row] of rows) if (!next.has(id)) row.node.remove();
      rows = next;
      [...next.values()].forEach(({ node }, i) => list.children[i] !== node && list.insertBefore(node, list.children[i] ?? null));
    },
  };
}
