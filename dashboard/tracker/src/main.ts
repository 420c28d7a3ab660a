// The tracker: one script (<script defer src=…/tracker.js></script>), no dependency. It reports what people do
// on a page, by element and page, never what they write or read there. What can be set stands in options.ts.
//
// Rules it keeps: nothing thrown in here reaches the page (tracker.ts), nothing blocks it (all listeners are passive,
// layout is read in a timer), all that waits is bounded (sender.ts), and nothing leaves that was typed (forms.ts,
// element.ts, text.ts). It says what it does by an event on the document, `behaviorlens`, with { state, events } where
// state is queued, sent, retry or dropped.
//
// The page can say more than can be seen: behaviorlens.track("purchase", { total: 42 }).
import { watchClicks } from "./clicks";
import { watchErrors } from "./errors";
import { watchForms } from "./forms";
import { sessionId } from "./identity";
import { watchIdle } from "./idle";
import { readOptions } from "./options";
import { watchScroll } from "./scroll";
import { createSender } from "./sender";
import { bytesOf, cut, toJson, uuid } from "./text";
import { guard, type Data, type Tracker } from "./tracker";
import { watchVisits } from "./visits";
import { watchVitals } from "./vitals";

const METADATA_MAX = 7_800; // bytes; the server takes 8 KiB, and a name may be added

/** Of the server's actions, those that a page may report itself; all other names are custom events. */
const actions = (
  "page_view route_change abandon complete confirm purchase product_view add_to_cart checkout_start checkout_complete " +
  "form_submit search search_result_click video_play video_pause video_complete file_download share signup subscribe " +
  "download submit_form api_error session_end"
).split(" ");

interface Api {
  user: string;
  session: string;
  track(name: string, data?: Data): void;
}
declare global {
  interface Window {
    behaviorlens?: Api;
  }
}

/** What a page hands over: as it is, or not at all if it cannot be sent (a circle, too much). */
function sendable(data: Data): Data {
  try {
    if (bytesOf(toJson(data)) < METADATA_MAX) return data;
  } catch {
    // Told by the answer below.
  }
  return { truncated: true };
}

function start(script: HTMLScriptElement): void {
  const options = readOptions(script.dataset, script.src, navigator as object);
  const { full } = options;
  const session_id = sessionId(full);
  const user_id = options.userId || session_id;
  let telling = false;

  const sender = createSender(options.endpoint, options.key, (state, events) => {
    // A listener of the page that throws must not make an error event that calls it again.
    telling = true;
    document.dispatchEvent(new CustomEvent("behaviorlens", { detail: { state, events } }));
    telling = false;
  });
  const t: Tracker = {
    options,
    page: "",
    since: 0,
    depth: 0,
    emit(action, metadata) {
      if (telling) return;
      sender.push({ user_id, session_id, event_id: uuid(), action, page: t.page, ...(metadata && { metadata }) });
      if (full) sawActivity(action);
    },
    leaving() {},
  };
  const sawActivity = watchIdle((duration_ms) => t.emit("idle", { duration_ms }));

  window.behaviorlens = {
    user: user_id,
    session: session_id,
    track: guard((name, data) => {
      if (options.silent || !name) return;
      const known = actions.includes(name);
      const given = full && data ? sendable(data) : {};
      t.emit(known ? name : "custom", known ? given : { ...given, name: cut(`${name}`, 100) });
    }),
  };
  if (options.silent) return;

  guard(watchVisits)(t, sender.leave);
  if (full) for (const watch of [watchVitals, watchScroll, watchClicks, watchForms, watchErrors]) guard(watch)(t);
}

guard(() => {
  const script = document.currentScript as HTMLScriptElement; // a classic script's, also if another script added it
  const begin = guard(() => start(script));
  if (window.behaviorlens) return;
  // A page that is only being prepared is seen by nobody yet.
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
})();
