// What to do next, when there is nothing to see. A newcomer gets the two ways to make something happen.
import { type ReactNode, useState } from "react";
import { Icon } from "./icons";

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function curlLine(origin: string): string {
  return `curl -s ${origin}/events -d '{"user_id":"ann","action":"page_view","page":"/checkout"}'`;
}

export function CopyLine({ line }: { line: string }) {
  const [said, setSaid] = useState("");
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(line);
      setSaid("Copied");
    } catch {
      setSaid("Select it and copy");
    }
    setTimeout(() => setSaid(""), 2_000);
  }
  return (
    <div className="copyline">
      <code tabIndex={0}>{line}</code>
      <button type="button" className="button" onClick={() => void copy()}>
        <Icon name="copy" />
        <span aria-live="polite">{said || "Copy"}</span>
      </button>
    </div>
  );
}

export function Newcomer() {
  return (
    <Empty title="No events yet">
      <p>Send one from a terminal. After ten seconds of silence on the page there is a first pattern.</p>
      <CopyLine line={curlLine(location.origin)} />
      <p>
        Or be the shopper yourself: <a href="/demo">open the demo shop</a> in a second window. It tells how to provoke each pattern.
      </p>
    </Empty>
  );
}

export function Failure({ error }: { error: Error }) {
  return (
    <Empty title="This could not be fetched">
      <p className="long">{error.message}</p>
      <p>It is tried again every two seconds. If it stays so, ask the server what it lacks:</p>
      <CopyLine line={`curl -s ${location.origin}/ready`} />
    </Empty>
  );
}
