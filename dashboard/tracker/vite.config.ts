import { defineConfig } from "vite";
import { webOut } from "../vite.shared";

// One classic script, no module, no hash, and ASCII alone: it must not matter how a page is encoded.
export default defineConfig({
  publicDir: false,
  esbuild: { charset: "ascii" },
  build: {
    outDir: webOut(),
    emptyOutDir: false,
    target: "es2021",
    lib: { entry: "src/main.ts", name: "behaviorlensTracker", formats: ["iife"], fileName: () => "tracker.js" },
  },
});
