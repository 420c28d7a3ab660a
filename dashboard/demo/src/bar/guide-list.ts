// The guide as a checklist.
import { h, setText } from "../dom";
import { doneTasks, tasks, type Task } from "./guide";
import type { Pattern } from "./patterns";

interface Row {
  node: HTMLElement;
  set(done: boolean): void;
}

function makeRow(task: Task, lead: (path: string) => void): Row {
  const tick = h("span", { class: "bar-tick", "aria-hidden": "true" });
  const word = h("span", { class: "unseen" });
  const path = task.path;
  const way = path && h("button", { class: "bar-go", "aria-label": `Take me there: ${task.name}`, click: () => lead(path) }, "Take me there");
  const node = h("li", { class: "bar-task" }, tick, h("div", {}, h("strong", {}, task.name), word, h("p", {}, task.how, way ? " " : null, way)));
  const set = (done: boolean): void => {
    node.classList.toggle("done", done);
    setText(tick, done ? "✓" : "");
    setText(word, done ? " (detected)" : "");
  };
  set(false);
  return { node, set };
}

export function guideList(lead: (path: string) => void): { node: HTMLElement; take(patterns: Pattern[]): void } {
  const rows = tasks.map((task): [string, Row] => [task.id, makeRow(task, lead)]);
  return {
    node: h("ol", { class: "bar-tasks" }, ...rows.map(([, row]) => row.node)),
    take(patterns) {
      const done = doneTasks(patterns);
      for (const [id, row] of rows) row.set(done.has(id));
    },
  };
}
