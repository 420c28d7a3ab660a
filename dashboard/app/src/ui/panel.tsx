// What is opened lies beside the list, or over it where there is no room. It takes the focus when it comes and
// gives it back when it goes.
import { type ReactNode, useEffect, useRef } from "react";
import { open } from "../state/place";
import { Icon } from "./icons";

export function Panel({ label, name, children }: { label: string; name: string; children: ReactNode }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
  }, [name]);
  return (
    <aside className="panel" aria-label={label} ref={box} tabIndex={-1} data-testid="panel">
      <div className="panel-bar">
        <span className="panel-kind">{label}</span>
        <button type="button" className="tool" onClick={() => open(null)} title="Close (Esc)">
          <Icon name="close" />
          <span className="sr">Close</span>
        </button>
      </div>
      {children}
    </aside>
  );
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
