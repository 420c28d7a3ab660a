import { defineConfig } from "vite";
import { siteBuild } from "../vite.shared";

export default defineConfig({ base: "/demo/", build: siteBuild("demo") });
