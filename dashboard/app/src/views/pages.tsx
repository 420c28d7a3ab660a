// Where it hurts: pages of the last hour, those with the most patterns first.
import { useMemo } from "react";
import { usePages } from "../api/queries";
import type { Page, PatternType } from "../api/types";
import { count } from "../lib/format";
import { TYPES } from "../lib/types-table";
import { narrow, usePlace } from "../state/place";
import { useList, useSelected } from "../state/selection";
import { Empty, Failure, Newcomer } from "../ui/empty";
import { Icon, type IconName, TypeIcon } from "../ui/icons";
import { SearchBox } from "../ui/search-box";
import { Foreign } from "../ui/text";

const TRENDS: Record<Page["trend"], IconName> = { rising: "up", falling: "down", steady: "flat" };
const openPage = (page: string) => narrow({ page });

function Count({ page, type }: { page: Page; type: PatternType }) {
  const n = page.patterns_by_type[type] ?? 0;
  if (n === 0) return <td className="num none">·</td>;
  return (
    <td className="num">
      <button type="button" className="quiet" onClick={() => narrow({ page: page.page, type })}>
        {count(n)}
      </button>
    </td>
  );
}

function Row({ page, rank, most, selected }: { page: Page; rank: number; most: number; selected: boolean }) {
  return (
    <tr className={selected ? "vrow-selected" : undefined} data-testid="page-row">
      <td className="num rank faint">{rank}</td>
      <th scope="row">
        <button type="button" className="quiet" onClick={() => openPage(page.page)}>
          <Foreign text={page.page} mono />
        </button>
      </th>
      <td className="num">
        <span className="bar" aria-hidden="true">
          <span style={{ width: `${(100 * page.patterns) / most}%` }} />
        </span>
        <strong>{count(page.patterns)}</strong>
      </td>
      <td>
        <span className={`trend trend-${page.trend}`}>
          <Icon name={TRENDS[page.trend]} />
          {page.trend}
        </span>
      </td>
      <td className="num">{count(page.views)}</td>
      <td className="num">{page.views > 0 ? count(Math.round((100 * page.patterns) / page.views)) : "–"}</td>
      {TYPES.map(({ type }) => (
        <Count key={type} page={page} type={type} />
      ))}
    </tr>
  );
}

function Table({ pages }: { pages: readonly Page[] }) {
  const selected = useSelected();
  const most = Math.max(1, ...pages.map((page) => page.patterns));
  return (
    <div className="table-box" tabIndex={0} role="region" aria-label="Pages, most friction first">
      <table className="table">
        <thead>
          <tr>
            <th scope="col" className="num rank">#</th>
            <th scope="col">Page</th>
            <th scope="col" className="num">Patterns</th>
            <th scope="col">Trend</th>
            <th scope="col" className="num">Views</th>
            <th scope="col" className="num" title="Patterns per 100 views">per 100</th>
            {TYPES.map(({ type, label, means }) => (
              <th scope="col" className="num typehead" key={type} title={`${label}: ${means}`}>
                <TypeIcon type={type} />
                <span className="sr">{label}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {pages.map((page, i) => (
            <Row key={page.page} page={page} rank={i + 1} most={most} selected={selected === page.page} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function PagesView() {
  const { q } = usePlace();
  const { data, error } = usePages();
  const text = q.trim().toLowerCase();
  const pages = useMemo(() => (data ?? []).filter((page) => !text || page.page.toLowerCase().includes(text)), [data, text]);
  const ids = useMemo(() => pages.map((page) => page.page), [pages]);
  useList(ids, openPage);
  return (
    <section className="card fill" aria-label="Friction by page">
      <div className="filters">
        <h2 className="view-title">Friction by page</h2>
        <SearchBox label="Search pages" placeholder="Page" />
        <span className="faint">in the last hour; the trend compares its halves</span>
      </div>
      {error && !data ? (
        <Failure error={error} />
      ) : !data ? (
        <Empty title="Looking …" />
      ) : pages.length > 0 ? (
        <>
          <Table pages={pages} />
          <ul className="legend" aria-label="Types">
            {TYPES.map(({ type, label }) => (
              <li key={type}>
                <TypeIcon type={type} />
                {label}
              </li>
            ))}
          </ul>
        </>
      ) : text ? (
        <Empty title="No page fits this search" />
      ) : (
        <Newcomer />
      )}
    </section>
  );
}
