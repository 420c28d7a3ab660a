// The patterns detected about this visitor, newest first; what is new is read out and glows for a moment.
import { h, setText } from "../dom";
import type { Pattern } from "./patterns";

const words: Record<string, string> = {
  activity: "went on",
  left: "left",
  ended: "over",
  completion: "bought",
  "session-end": "session over",
  manual: "resolved by hand",
};

function row(pattern: Pattern, fresh: boolean): HTMLElement {
  const state = pattern.resolved ? (words[pattern.resolution ?? ""] ?? "over") : "open";
  return h(
    "li",
    { class: `bar-pattern severity-${pattern.severity}${pattern.resolved ? " resolved" : ""}${fresh ? " fresh" : ""}` },
    h("span", { class: "bar-type" }, pattern.type, h("span", { class: "bar-severity" }, pattern.severity)),
    h("span", {}, pattern.explanation),
    h("span", { class: "bar-state" }, `${new Date(pattern.detected_at).toLocaleTimeString("en-GB")} · ${state}`),
  );
}

export function patternList(): { node: HTMLElement; take(list: Pattern[] | undefined): Pattern[] } {
  const list = h("ol", { class: "bar-list" });
  const hint = h("p", { class: "bar-hint" }, "Nothing yet. Try something from the guide: what is detected appears here within a second or two.");
  const voice = h("p", { class: "unseen", role: "status", "aria-live": "polite" });
  let known: Set<string> | undefined;

  return {
    node: h("div", {}, voice, hint, list),
    take(patterns) {
      if (!patterns) {
        setText(hint, "The server does not answer. What you do is kept and sent when it is back.");
        hint.hidden = false;
        return [];
      }
      const fresh = known ? patterns.filter(({ pattern_id }) => !known!.has(pattern_id)) : [];
      known = new Set(patterns.map(({ pattern_id }) => pattern_id));
      hint.hidden = patterns.length > 0;
      list.replaceChildren(...patterns.map((pattern) => row(pattern, fresh.includes(pattern))));
      if (fresh.length) setText(voice, fresh.map(({ explanation }) => explanation).join(" "));
      return fresh;
    },
  };
}
