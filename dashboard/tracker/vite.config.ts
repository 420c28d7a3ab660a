import { defineConfig } from "vite";
import { webOut } from "../vite.shared";

// One classic script, no module, no hash.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: webOut(),
    emptyOutDir: false,
    target: "es2018",
    lib: { entry: "src/main.ts", name: "behaviorlensTracker", formats: ["iife"], fileName: () => "tracker.js" },
  },
});
