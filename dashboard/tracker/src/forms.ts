// Forms: which field of which form was touched, never what was written. A field is told when it first changes and then
// at most every five seconds while it goes on changing, so that writing is not taken for hesitation.
import { describe, originOf } from "./element";
import { cut } from "./text";
import { AGAIN_MS, on, type Tracker } from "./tracker";

export function watchForms(t: Tracker): void {
  const told = new WeakMap<Element, number>();

  on(document, "input change", (event) => {
    const field = originOf(event) as HTMLInputElement | undefined;
    const now = Date.now();
    if (!field || now - (told.get(field) || 0) < AGAIN_MS) return;
    told.set(field, now);
    const form = field.closest("form") || field.form;
    // A field outside of any form has none; the rules do not look at it, but it is activity.
    t.emit("input_change", {
      field: cut(field.name || field.getAttribute("data-bl-name") || field.id || field.type || field.localName, 60),
      ...(form && { form: describe(form) }),
    });
  });
  on(document, "submit", (event) => {
    const form = originOf(event);
    if (form) t.emit("form_submit", { form: describe(form) });
  });
}
