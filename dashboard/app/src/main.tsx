import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { queries } from "./state/link";
import { listenToHistory } from "./state/place";
import { applyTheme } from "./state/prefs";
import { sendOnLeaving } from "./state/resolve";
import { startSession } from "./state/session";
import { startStream } from "./state/stream";
import "./styles/index.css";

applyTheme();
listenToHistory();
sendOnLeaving();
startSession();
startStream();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
}
