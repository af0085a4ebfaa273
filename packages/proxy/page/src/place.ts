/** What the address says: the view and its filters. Names are those of `/requests` where it has them. */
export interface Place {
  readonly view: "overview" | "requests" | "request";
  /** Text that names must contain. */
  readonly q: string;
  readonly failing: boolean;
  readonly listener: string;
  readonly cluster: string;
  /** The row whose details are open. */
  readonly open: string;
  readonly reason: string;
  readonly route: string;
  readonly status: string;
  readonly endpoint: string;
  /** Of the request shown. */
  readonly id: string;
}

/** Sections that are closed unless the address names them, by `open` or by its fragment. */
export const foldedSections = ["layers", "reloads", "certificates", "workers", "actions"] as const;

export type FoldedSection = (typeof foldedSections)[number];

const nowhere: Place = {
  view: "overview",
  q: "",
  failing: false,
  listener: "",
  cluster: "",
  open: "",
  reason: "",
  route: "",
  status: "",
  endpoint: "",
  id: "",
};

/** The place of an address: its query and its fragment, each with the sign before it. */
export function placeIn(search: string, hash = ""): Place {
  const given = new URLSearchParams(search);
  const text = (name: keyof Place): string => given.get(name) ?? "";
  const view = text("view");
  return {
    view: view === "requests" || view === "request" ? view : "overview",
    q: text("q"),
    failing: text("failing") === "1",
    listener: text("listener"),
    cluster: text("cluster"),
    open: foldedSections.find((name) => hash === `#${name}`) ?? text("open"),
    reason: text("reason"),
    route: text("route"),
    status: text("status"),
    endpoint: text("endpoint"),
    id: text("id"),
  };
}

/** The address of a place; what is not set is left out. */
export function address(place: Partial<Place>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...nowhere, ...place })) {
    if (value === nowhere[name as keyof Place]) continue;
    params.set(name, value === true ? "1" : String(value));
  }
  const text = params.toString();
  return text === "" ? "/" : `/?${text}`;
}

/** The place of requests, from a query of `/requests`. */
export function requestsPlace(query: string): Partial<Place> {
  const { reason, route, cluster, status, endpoint } = placeIn(query);
  return { view: "requests", reason, route, cluster, status, endpoint };
}
