// The page as it is sent: a path, as the server would cut it (SPEC 2.1), so that two addresses that are one page to the
// rules are one page here too and are not reported twice.

interface Where {
  pathname: string;
  hash: string;
}

export function pageOf(where: Where, options: { base: string; hash: boolean }): string {
  let path = where.pathname;
  if (options.hash) path = where.hash.replace(/^#!?\/?/, "/").replace(/[?#].*/, "");
  else if ((path + "/").startsWith(options.base + "/")) path = path.slice(options.base.length);
  return path.slice(0, 2000).replace(/\/+$/, "") || "/";
}
