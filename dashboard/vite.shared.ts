// What the builds of dashboard, demo and tracker have in common.
//
// All three write below one directory, BL_WEB_OUT (default: dist beside this file):
//   index.html, assets/<name>-<hash>.*            the dashboard, base /
//   demo/index.html, demo/assets/<name>-<hash>.*  the demo shop, base /demo/
//   tracker.js                                    the tracker, no hash: its address is public
// Nothing is inlined: the Content-Security-Policy of `serve` allows files of its own origin alone.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildOptions } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

export function webOut(sub = ""): string {
  return resolve(process.env["BL_WEB_OUT"] ?? resolve(here, "dist"), sub);
}

export function siteBuild(sub = ""): BuildOptions {
  return {
    outDir: webOut(sub),
    emptyOutDir: false, // scripts/build.mjs clears; the three share one directory
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: true,
    reportCompressedSize: true,
  };
}
