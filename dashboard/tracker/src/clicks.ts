// Clicks, and those of them that did nothing.
//
// A click is dead when within 2.5 s nothing answered it: no change of the page, no navigation, no scroll, no selection, no
// reaction of the browser itself (a checkbox that flips, a field that is found invalid, a popover). Many pages answer the
// press and not the click, so the time counts from the press. The page is watched for changes only in that time.
// Not looked at: where the browser answers in ways nobody can see from here (text fields, menus, players, canvases),
// downloads, links that open elsewhere or in another program, and the empty page.
import { describe, isIgnored, isWeb, meant, originOf } from "./element";
import { on, type Tracker } from "./tracker";

const ANSWER_MS = 2_500;

const unseen =
  "textarea,select,option,canvas,video,audio,object,embed,a[download],input:not([type=button],[type=submit],[type=checkbox],[type=radio])";

const linkOf = (el: Element): HTMLAnchorElement | null => el.closest("a[href]");

function opensElsewhere(link: HTMLAnchorElement, event: MouseEvent): boolean {
  return !/^(_self)?$/.test(link.target) || !isWeb(link) || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
}

/** Could this click be dead at all? */
function canDie(el: Element, event: MouseEvent): boolean {
  const link = linkOf(el);
  return !/^(html|body)$/.test(el.localName) && !(el as HTMLElement).isContentEditable && !el.closest(unseen) && !(link && opensElsewhere(link, event));
}

/** A click on a label is followed by one on its control: they are one click, the control's. */
function isForControl(el: Element): boolean {
  const nearest = el.closest<HTMLLabelElement>("a,button,input,select,textarea,label");
  return !!nearest?.control && !(nearest.control as HTMLInputElement).disabled;
}

export function watchClicks(t: Tracker): void {
  let reacted = -1; // when the page last did something, on the clock of the events
  let pressed = 0;
  let resting: ReturnType<typeof setTimeout>;

  const react = (): void => {
    reacted = performance.now();
  };
  const observer = new MutationObserver((records) => {
    if (records.some(({ target }) => !isIgnored(target))) react();
  });
  const watch = (event: Event): void => {
    clearTimeout(resting);
    resting = setTimeout(() => observer.disconnect(), ANSWER_MS + 500);
    for (const root of event.composedPath() as Node[])
      if (root === document || root instanceof ShadowRoot) observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
  };

  // Not `change`: a text field fires it when the press takes the focus away, and all others fire `input` before it.
  on(document, "scroll input invalid toggle fullscreenchange", ({ target }) => isIgnored(target) || react());
  on(window, "popstate hashchange pagehide beforeprint", react);
  on(window, "blur", (event) => event.target === window && react());
  on(document, "selectionchange", () => getSelection()!.isCollapsed || react());
  // A form or a link that nobody stopped is on its way, however long the next page takes.
  const onItsWay = (event: Event): unknown => setTimeout(() => event.defaultPrevented || react());
  on(document, "submit", onItsWay);

  on(document, "pointerdown keydown", (event) => {
    pressed = event.timeStamp;
    watch(event);
  });
  on<MouseEvent>(document, "click", (event) => {
    const el = originOf(event);
    if (!el || isForControl(el)) return;
    const target = describe(meant(el));
    t.emit("click", { target, x: Math.round(event.clientX), y: Math.round(event.clientY) });
    watch(event);
    if (!canDie(el, event)) return;
    const { page } = t;
    const since = pressed;
    const link = linkOf(el);
    if (link && link.href.split("#")[0] !== location.href.split("#")[0]) onItsWay(event);
    // As many wait as a person can click in that time.
    setTimeout(() => {
      if (reacted < since && t.page === page) t.emit("dead_click", { target });
    }, ANSWER_MS);
  });
}
