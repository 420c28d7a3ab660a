// One search box for every view; what is typed is in the address, a moment after the typing stops.
import { useEffect, useRef, useState } from "react";
import { go, usePlace } from "../state/place";
import { Icon } from "./icons";

const SETTLE_MS = 200;

export function focusSearch(): void {
  document.querySelector<HTMLInputElement>("[data-search]")?.focus();
}

export function SearchBox({ label, placeholder }: { label: string; placeholder: string }) {
  const { q } = usePlace();
  const [typed, setTyped] = useState(q);
  const sent = useRef(q);

  useEffect(() => {
    if (q !== sent.current) setTyped(q); // changed elsewhere: back, clear, another view
    sent.current = q;
  }, [q]);

  useEffect(() => {
    if (typed === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = typed;
      go({ q: typed }, "replace");
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  return (
    <label className="search">
      <Icon name="search" />
      <span className="sr">{label}</span>
      <input
        data-search
        type="search"
        value={typed}
        maxLength={256}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}
