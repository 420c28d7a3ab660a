// One page after the other, with the browser's history. Links are plain links; those that stay in the shop are followed
// here. After a step the heading has the focus, so that a screen reader says where one is.
export const BASE = "/demo";

export interface Place {
  path: string;
  query: URLSearchParams;
}

/** The address of a page of the shop, as links carry it. */
export const to = (path: string): string => BASE + path;

export function here(): Place {
  const path = location.pathname.slice(BASE.length).replace(/\/+$/, "") || "/";
  return { path, query: new URLSearchParams(location.search) };
}

let show: (place: Place) => void = () => {};

function arrive(): void {
  show(here());
  scrollTo(0, 0);
  document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
}

export function go(path: string): void {
  history.pushState(null, "", to(path));
  arrive();
}

function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[href]");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || link.target || event.defaultPrevented || link.origin !== location.origin || !(link.pathname + "/").startsWith(BASE + "/")) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.pathname.slice(BASE.length) + link.search);
}

export function startRouter(render: (place: Place) => void): void {
  show = render;
  document.addEventListener("click", follow);
  addEventListener("popstate", arrive);
  show(here());
}
