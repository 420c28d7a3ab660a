import { defineConfig } from "vite";
import { siteBuild } from "../vite.shared";

// `npm run dev --workspace demo` shows the shop against a running `serve` (BL_URL).
const serve = process.env["BL_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/demo/",
  build: siteBuild("demo"),
  server: { proxy: Object.fromEntries(["/api", "/events", "/tracker.js"].map((path) => [path, serve])) },
});
