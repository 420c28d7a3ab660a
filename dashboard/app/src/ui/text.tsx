// Text that strangers wrote: names, pages, targets. Always as text, isolated from the direction of what stands
// around it (<bdi>), never longer on the screen than its place; the whole is one hover, or one click, away.
import { useState } from "react";
import { cut } from "../lib/format";
import { withoutTurning } from "../lib/turning";
import { narrow, openUser } from "../state/place";

const SHOWN_MAX = 300; // more does not fit any line
const TITLE_MAX = 2_048;

/** One line, cut by the room there is. */
export function Foreign({ text: foreign, mono = false }: { text: string; mono?: boolean }) {
  const text = withoutTurning(foreign);
  return (
    <bdi className={mono ? "clip mono" : "clip"} title={cut(text, TITLE_MAX)}>
      {cut(text, SHOWN_MAX)}
    </bdi>
  );
}

/** All of it, wrapped anywhere; long ones fold. */
export function LongText({ text: foreign, mono = false }: { text: string; mono?: boolean }) {
  const text = withoutTurning(foreign);
  const [whole, setWhole] = useState(false);
  const folded = text.length > SHOWN_MAX && !whole;
  return (
    <>
      <bdi className={mono ? "long mono" : "long"}>{folded ? cut(text, SHOWN_MAX) : text}</bdi>
      {text.length > SHOWN_MAX && (
        <button type="button" className="textlink" onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : "Show all"}
        </button>
      )}
    </>
  );
}

export function UserLink({ id }: { id: string }) {
  return (
    <button type="button" className="quiet" onClick={(event) => (event.stopPropagation(), openUser(id))}>
      <Foreign text={id} />
    </button>
  );
}

/** A page narrows the feed to itself. `none` is the word for no page at all. */
export function PageLink({ page, none = "no page" }: { page: string | null; none?: string }) {
  if (page === null || page === "") return <span className="faint">{none}</span>;
  return (
    <button type="button" className="quiet" onClick={(event) => (event.stopPropagation(), narrow({ page }))}>
      <Foreign text={page} mono />
    </button>
  );
}
