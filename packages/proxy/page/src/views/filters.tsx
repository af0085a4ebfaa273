import { go } from "../navigation.ts";
import { needsFilters } from "../filter.ts";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";

interface FiltersProps {
  readonly place: Place;
  readonly parts: Parts;
}

/** What is shown of routes, clusters and layers. All of it is in the address. */
export function Filters({ place, parts }: FiltersProps) {
  const listeners = parts.stack?.listeners.map(({ listener }) => listener) ?? [];
  const clusters = parts.stack?.clusters.map(({ cluster }) => cluster) ?? [];
  if (!needsFilters(parts.stack, parts.clusters, place)) return null;
  return (
    <search class="filters">
      <label>
        Filter{" "}
        <input
          type="search"
          value={place.q}
          placeholder="route, cluster or endpoint"
          onInput={({ currentTarget }) => go({ ...place, q: currentTarget.value }, { replace: true })}
        />
      </label>
      <Choice
        name="Listener"
        value={place.listener}
        values={listeners}
        chosen={(listener) => go({ ...place, listener })}
      />
      <Choice
        name="Cluster"
        value={place.cluster}
        values={clusters}
        chosen={(cluster) => go({ ...place, cluster })}
      />
      <label>
        <input
          type="checkbox"
          checked={place.failing}
          onChange={({ currentTarget }) => go({ ...place, failing: currentTarget.checked })}
        />{" "}
        Only failing
      </label>
    </search>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly value: string;
  readonly values: readonly string[];
  readonly chosen: (value: string) => void;
}

/** A list to choose from, with "all" for nothing chosen; nothing where there is no choice. */
export function Choice({ name, value, values, chosen }: ChoiceProps) {
  // A name in the address that no longer exists must be visible, too.
  const all = value === "" || values.includes(value) ? values : [value, ...values];
  if (all.length < 2 && value === "") return null;
  return (
    <label>
      {name}{" "}
      <select value={value} onChange={({ currentTarget }) => chosen(currentTarget.value)}>
        <option value="">all</option>
        {all.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
}
