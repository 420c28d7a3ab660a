// The row that j and k move, whatever list is on the screen: the list says which ids it shows and what enter does.
import { useEffect } from "react";
import { createStore, useStore } from "../lib/store";

interface List {
  ids: readonly string[];
  open(id: string): void;
}

let list: List | null = null;
const selected = createStore<string | null>(null);

export const useSelected = (): string | null => useStore(selected);
export const select = (id: string | null): void => selected.set(id);
export const selectedId = (): string | null => selected.get();

export function useList(ids: readonly string[], open: (id: string) => void): void {
  useEffect(() => {
    list = { ids, open };
  }, [ids, open]);
  useEffect(
    () => () => {
      list = null;
      selected.set(null);
    },
    [],
  );
}

export function stepFrom(ids: readonly string[], id: string | null, by: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const at = id === null ? -1 : ids.indexOf(id);
  if (at < 0) return ids[0] ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? null;
}

export function step(by: 1 | -1): string | null {
  if (!list) return null;
  selected.set(stepFrom(list.ids, selected.get(), by));
  return selected.get();
}

export function openSelected(): void {
  const id = selected.get();
  if (id !== null && list?.ids.includes(id)) list.open(id);
}
