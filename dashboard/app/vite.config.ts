import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { siteBuild } from "../vite.shared";

// `npm run dev --workspace app` shows the dashboard against a running `serve` (BL_URL).
const serve = process.env["BL_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: siteBuild(),
  server: { proxy: Object.fromEntries(["/api", "/events", "/health", "/ready", "/demo", "/tracker.js", "/openapi.json", "/login", "/logout"].map((path) => [path, serve])) },
});
