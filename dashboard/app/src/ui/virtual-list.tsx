// Ten thousand rows, of which those on the screen exist. Rows have one height, so that where each stands is a
// product, not a measurement. When rows come in above, what the reader looks at stays where it is.
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { windowOf } from "../lib/window";

interface Props<T> {
  label: string;
  items: readonly T[];
  idOf: (item: T) => string;
  rowHeight: number;
  render: (item: T) => ReactNode;
  selected?: string | null;
  onNearEnd?: () => void;
  /** The first row on the screen, in steps of ten: 0 is the top. */
  onFirstChange?: (first: number) => void;
  testId?: string;
}

const OVERSCAN = 6;
const NEAR_END = 20;
const STEP = 10;

export function VirtualList<T>({ label, items, idOf, rowHeight, render, selected = null, onNearEnd, onFirstChange, testId }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const anchor = useRef<{ id: string; index: number } | null>(null);
  const [view, setView] = useState({ top: 0, height: 800 });

  const look = useCallback(() => {
    const el = box.current;
    if (!el) return;
    setView((old) => (old.top === el.scrollTop && old.height === el.clientHeight ? old : { top: el.scrollTop, height: el.clientHeight }));
    onFirstChange?.(Math.ceil((el.scrollTop - rowHeight / 2) / rowHeight / STEP) * STEP);
  }, [rowHeight, onFirstChange]);

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const observer = new ResizeObserver(look);
    observer.observe(el);
    return () => observer.disconnect();
  }, [look]);

  // What stood at the top before this change is still there after it.
  useLayoutEffect(() => {
    const el = box.current;
    const old = anchor.current;
    if (el && old && el.scrollTop >= rowHeight / 2) {
      const index = items.findIndex((item) => idOf(item) === old.id);
      if (index >= 0 && index !== old.index) el.scrollTop += (index - old.index) * rowHeight;
    }
    const index = Math.floor((el?.scrollTop ?? 0) / rowHeight);
    const item = items[index];
    anchor.current = item === undefined ? null : { id: idOf(item), index };
  }, [items, idOf, rowHeight, view]);

  useLayoutEffect(() => {
    const el = box.current;
    const index = selected === null ? -1 : items.findIndex((item) => idOf(item) === selected);
    if (!el || index < 0) return;
    const top = index * rowHeight;
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = top + rowHeight - el.clientHeight;
  }, [selected]); // only when the reader moves it, not when rows come in

  const { first, last } = windowOf(view.top, view.height, rowHeight, items.length, OVERSCAN);
  useEffect(() => {
    if (items.length > 0 && last + NEAR_END >= items.length) onNearEnd?.();
  }, [last, items.length, onNearEnd]);

  return (
    <div className="vlist" ref={box} onScroll={look} tabIndex={0} role="region" aria-label={label} data-testid={testId}>
      <div className="vlist-space" role="list" style={{ height: items.length * rowHeight }}>
        {items.slice(first, last).map((item, i) => {
          const id = idOf(item);
          return (
            <div
              key={id}
              role="listitem"
              aria-setsize={items.length}
              aria-posinset={first + i + 1}
              aria-current={id === selected ? "true" : undefined}
              className={id === selected ? "vrow vrow-selected" : "vrow"}
              style={{ transform: `translateY(${(first + i) * rowHeight}px)`, height: rowHeight }}
            >
              {render(item)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
