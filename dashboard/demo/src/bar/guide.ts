// What to do so that something is detected: one line per pattern, ticked once it was.
import type { Pattern } from "./patterns";

export interface Task {
  id: string;
  name: string;
  how: string;
  /** Where to do it; none: anywhere. */
  path?: string;
  done(pattern: Pattern): boolean;
}

const detected =
  (type: string) =>
  (pattern: Pattern): boolean =>
    pattern.type === type;

const task = (type: string, name: string, how: string, path?: string): Task => ({ id: type, name, how, ...(path ? { path } : {}), done: detected(type) });

export const tasks: Task[] = [
  task("hesitation", "Hesitate", "Stay still for 10 seconds: no click, no scroll."),
  task("rage-click", "Rage", "Click the picture of a product 4 times, quickly.", "/product/dawn-mug"),
  task("dead-click", "Click into the void", "Press “Tell me when it comes in blue”: it does nothing. Wait 3 seconds.", "/product/field-vase"),
  task("error-click", "Break something", "Press “Is it in a store near me?”: its script fails.", "/product/moth-lamp"),
  task("quick-back", "Turn on your heel", "Open a product from the shop, go back within 5 seconds.", "/products"),
  task("navigation-loop", "Go round in circles", "Come to the same page 3 times within 2 minutes.", "/products"),
  task("form-abandonment", "Begin and walk away", "Write one letter of your name at the checkout, then open another page.", "/checkout"),
  task("abandonment", "Leave at the till", "Go from cart to checkout, then open the shop. Or wait there for a minute.", "/cart"),
  { id: "completion", name: "Buy after all", how: "Pay: the abandonment is resolved.", path: "/cart", done: (pattern) => pattern.type === "abandonment" && pattern.resolution === "completion" },
];

/** The ids of tasks that these patterns show to be done. */
export const doneTasks = (patterns: readonly Pattern[]): Set<string> => new Set(tasks.filter((one) => patterns.some(one.done)).map(({ id }) => id));
