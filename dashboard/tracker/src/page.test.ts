import { expect, it } from "vitest";
import { pageOf } from "./page";
import { quarter } from "./scroll";

const stories: [string, { pathname: string; hash?: string }, { base?: string; hash?: boolean }, string][] = [
  ["a path", { pathname: "/cart" }, {}, "/cart"],
  ["the root", { pathname: "/" }, {}, "/"],
  ["slashes at the end do not make another page", { pathname: "/cart//" }, {}, "/cart"],
  ["the base is cut off", { pathname: "/demo/cart" }, { base: "/demo" }, "/cart"],
  ["the base itself is the root", { pathname: "/demo" }, { base: "/demo" }, "/"],
  ["the base with a slash is the root", { pathname: "/demo/" }, { base: "/demo" }, "/"],
  ["a name that only begins alike is not below the base", { pathname: "/demonstration" }, { base: "/demo" }, "/demonstration"],
  ["a fragment is no page", { pathname: "/a", hash: "#/cart" }, {}, "/a"],
  ["a fragment is the page of a hash router", { pathname: "/a", hash: "#/cart?x=1" }, { hash: true }, "/cart"],
  ["the old style of hash routers", { pathname: "/a", hash: "#!cart" }, { hash: true }, "/cart"],
  ["no fragment is the root of a hash router", { pathname: "/a", hash: "" }, { hash: true }, "/"],
];
it.each(stories)("%s", (_, where, options, page) => {
  expect(pageOf({ hash: "", ...where }, { base: "", hash: false, ...options })).toBe(page);
});

it("a page is bounded as the server wants it", () => {
  expect(pageOf({ pathname: "/" + "a".repeat(5000), hash: "" }, { base: "", hash: false }).length).toBeLessThanOrEqual(2048);
});

it("quarters of the page seen", () => {
  expect(quarter(0, 600, 3000)).toBe(0);
  expect(quarter(150, 600, 3000)).toBe(25);
  expect(quarter(2399.4, 600, 3000)).toBe(100);
  expect(quarter(0, 600, 300)).toBe(100);
});
