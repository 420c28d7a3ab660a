import { useHistory, useMetrics } from "../api/queries";
import { BLANK_TILES, hasLines, type Tile, tilesOf } from "../lib/tiles";
import { Icon } from "./icons";
import { Spark } from "./spark";

function ChangeMark({ change }: { change: Tile["change"] }) {
  if (!change) return null;
  return (
    <span className="change" title={change.full}>
      <Icon name={change.direction} />
      {change.text}
      <span className="sr">{change.full}</span>
    </span>
  );
}

export function MetricsStrip() {
  const metrics = useMetrics();
  const history = useHistory();
  const tiles = metrics.data ? tilesOf(metrics.data, history.data ?? []) : BLANK_TILES;
  const lines = !history.data || hasLines(tiles); // until it is known there is room, so that nothing jumps
  return (
    <section className="strip" aria-label="Key figures" tabIndex={0}>
      {tiles.map((tile) => (
        <div className="tile" key={tile.key} data-testid={`tile-${tile.key}`} title={tile.hint}>
          <h2 className="tile-label">{tile.label}</h2>
          <p className="tile-line">
            <span className="tile-value">{tile.value}</span>
            <ChangeMark change={tile.change} />
          </p>
          {lines && <Spark values={tile.line} />}
        </div>
      ))}
    </section>
  );
}
