// What was asked for and can still be taken back.
import type { CSSProperties } from "react";
import { undoQueue, useUndoItems } from "../state/resolve";
import { DELAY_MS, type UndoItem } from "../state/undo";
import { Foreign } from "./text";

const SHOWN = 3;

function Toast({ item }: { item: UndoItem }) {
  return (
    <li className={`toast toast-${item.phase}`} data-testid="toast">
      <span className="toast-text">
        {item.phase === "failed" ? "Not resolved: " : "Resolving: "}
        <Foreign text={item.error ?? item.label} />
      </span>
      {item.phase === "waiting" && (
        <button type="button" className="button" onClick={() => undoQueue.undo(item.id)}>
          Undo <kbd>u</kbd>
        </button>
      )}
      {item.phase === "failed" && (
        <>
          <button type="button" className="button" onClick={() => undoQueue.retry(item.id)}>
            Try again
          </button>
          <button type="button" className="button" onClick={() => undoQueue.dismiss(item.id)}>
            Dismiss
          </button>
        </>
      )}
      {item.phase === "waiting" && <span className="toast-time" aria-hidden="true" style={{ "--time": `${DELAY_MS}ms` } as CSSProperties} />}
    </li>
  );
}

export function Toasts() {
  const items = useUndoItems();
  const more = items.length - SHOWN;
  return (
    <section className="toasts" aria-label="Pending" aria-live="polite">
      <ul>
        {items.slice(-SHOWN).map((item) => (
          <Toast key={item.id} item={item} />
        ))}
      </ul>
      {more > 0 && <p className="toast">and {more} more</p>}
    </section>
  );
}
