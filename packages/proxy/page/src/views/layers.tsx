import type { LiveLayer } from "../../../src/live/snapshot.ts";
import { cut, holds } from "../filter.ts";
import { count, field, number, percent } from "../format.ts";
import { Folded } from "../parts/folded.tsx";
import { Table } from "../parts/table.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";
import { troubleText } from "../problems.ts";

interface LayersProps {
  readonly parts: Parts;
  readonly place: Place;
  readonly now: number;
}

/** What layers keep: limits and what is used of them, queues, budgets, breakers. */
export function Layers({ parts, place, now }: LayersProps) {
  const all = parts.layers?.layers ?? [];
  const matching = all.filter(
    ({ layer, listener, route, cluster, trouble }) =>
      (place.listener === "" || listener === null || listener === place.listener) &&
      (place.cluster === "" || cluster === null || cluster === place.cluster) &&
      (!place.failing || trouble !== null) &&
      holds(place.q, [layer, listener ?? "", route ?? "", cluster ?? ""]),
  );
  const { shown, left } = cut(matching);
  const more = left + (parts.layers?.left ?? 0);
  return (
    <Folded
      name="layers"
      title="Layers"
      state={stateText(all, parts)}
      wrong={troubled(all) > 0}
      place={place}
    >
      <Table
        caption="state of the layers"
        columns={[
          { title: "Layer", cell: ({ layer }) => layer },
          { title: "Of", cell: placeText },
          { title: "Used", cell: (layer) => <Used layer={layer} /> },
          { title: "State", cell: (layer) => <State layer={layer} now={now} /> },
        ]}
        rows={shown}
        keyOf={(layer) => JSON.stringify([layer.layer, placeText(layer), shown.indexOf(layer)])}
        empty={
          all.length === 0
            ? "No layers with state: limits, queues, budgets and breakers appear here once a policy has them."
            : "No layer matches the filter."
        }
        wrong={({ trouble }) => trouble !== null}
      />
      {more > 0 ? <p class="muted">{`${count(more, "more layer")}: use the filter, or /stack`}</p> : null}
    </Folded>
  );
}

function troubled(layers: readonly LiveLayer[]): number {
  return layers.filter(({ trouble }) => trouble !== null).length;
}

function stateText(all: readonly LiveLayer[], { layers }: Parts): string {
  const total = all.length + (layers?.left ?? 0);
  const inTrouble = troubled(all);
  if (total === 0) return "none with state";
  return inTrouble === 0 ? `${number(total)} without trouble` : `${inTrouble} of ${number(total)} in trouble`;
}

function placeText({ listener, route, cluster }: LiveLayer): string {
  const parts = [
    ...(listener === null ? [] : [`listener ${listener}`]),
    ...(route === null ? [] : [`route ${route}`]),
    ...(cluster === null ? [] : [`cluster ${cluster}`]),
  ];
  return parts.length === 0 ? "the process" : parts.join(", ");
}

function Used({ layer }: { readonly layer: LiveLayer }) {
  if (layer.used === null) return null;
  const { of, used, what } = layer.used;
  const share = of === 0 ? 1 : used / of;
  const text = `${number(used)} of ${number(of)} ${what}`;
  return (
    <span class={share >= 1 ? "bad" : ""}>
      <meter min={0} max={Math.max(of, 1)} value={used} aria-label={`${text}, ${percent(share)}`} />
      {` ${text}`}
    </span>
  );
}

function State({ layer, now }: { readonly layer: LiveLayer; readonly now: number }) {
  const { state, trouble } = layer;
  const text = Object.entries(state)
    .map(([name, value]) => field(name, value))
    .join(", ");
  return (
    <>
      {trouble === null ? null : (
        <span class="trouble">
          <Words>{troubleText(trouble, now)}</Words>{" "}
        </span>
      )}
      <span class="muted">{text}</span>
    </>
  );
}
