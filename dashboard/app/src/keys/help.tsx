// The keys, as the table has them.
import { Fragment, useEffect, useRef } from "react";
import { KEYS } from "./keys";

const GROUPS = ["Move", "Act", "Go to", "Switch"] as const;
const NAMES: Record<string, string> = { Escape: "Esc" };

export function Help({ shown, onClose }: { shown: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (shown) dialog.current?.showModal();
    else dialog.current?.close();
  }, [shown]);
  return (
    <dialog ref={dialog} className="help" aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keys</h2>
      <div className="help-groups">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {KEYS.filter((key) => key.group === group).map(({ keys, says }) => (
                <div key={keys}>
                  <dt>
                    {keys.split(" ").map((one, i) => (
                      <Fragment key={one}>
                        {i > 0 && " "}
                        <kbd>{NAMES[one] ?? one}</kbd>
                      </Fragment>
                    ))}
                  </dt>
                  <dd>{says}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <form method="dialog">
        <button type="submit" className="button">
          Close
        </button>
      </form>
    </dialog>
  );
}
