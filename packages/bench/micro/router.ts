import { type HttpRequest, httpRequest } from "@pagoda/http";
import { type Route, routeTable } from "@pagoda/router";
import type { Group, Subject } from "./subject.ts";

const kinds = ["exact", "prefix", "pattern", "regex"] as const;
type Kind = (typeof kinds)[number];

/** Targets of the seed project's benchmark with four routes; half of them with more routes. */
const least: Readonly<Record<Kind, number>> = { exact: 30, prefix: 25, pattern: 5, regex: 5 };
const few = 4;
const sizes = [few, 100, 10_000] as const;

/** The seed's four routes: one for each kind of path, one by a header, one for everything else. */
function four(kind: Kind): readonly Route[] {
  const user = kind === "pattern" ? { pattern: "/users/:id" } : { regex: "^/users/[0-9]+$" };
  return [
    { name: "health", match: { path: { exact: "/health" } }, cluster: "a" },
    { name: "api", match: { path: { prefix: "/api/v1" } }, cluster: "a" },
    { name: "user", match: { path: user }, cluster: "a" },
    { name: "canary", match: { headers: [{ name: "x-canary", exact: "1" }] }, cluster: "b" },
  ];
}

/** The same and further routes of the same kinds. */
function routes(kind: Kind, count: number): readonly Route[] {
  const path = { exact: "/health", prefix: "/api/v1", pattern: "/users/:id", regex: "/users/[0-9]+" }[kind];
  const more = Array.from(
    { length: count - few },
    (_, n) =>
      ({
        name: `more-${n}`,
        match: { path: { [kind]: `/team-${n}${path}` } },
        cluster: "a",
      }) as unknown as Route,
  );
  return [...four(kind), ...more];
}

/** A route in the middle, if there are that many. */
function request(kind: Kind, count: number): HttpRequest {
  const user = "/users/12345";
  const path = { exact: "/health", prefix: "/api/v1/items", pattern: user, regex: user }[kind];
  return asked(`${count === few ? "" : `/team-${count >> 1}`}${path}`);
}

/** The path is a flat string, as from a parser: reading a slice of another string takes longer. */
function asked(path: string): HttpRequest {
  return { ...httpRequest("http://shop.example/"), path: Buffer.from(path).toString("latin1") };
}

function find(kind: Kind, count: number): Subject {
  return {
    what: `router find ${kind} among ${count.toLocaleString("en")} routes`,
    prepare() {
      const table = routeTable<string>(routes(kind, count));
      const one = request(kind, count);
      if (table.find(one) === undefined) throw new Error("no route is found");
      return { run: () => table.find(one) };
    },
    target: { leastMillionsPerSecond: count === few ? least[kind] : least[kind] / 2 },
    reason: "the path is compared with the routes character by character, about 2 ns each",
  };
}

/** Paths on which JavaScript's own engine takes 34 s, or time quadratic in their length. */
const hostile: readonly (readonly [pattern: string, path: string])[] = [
  ["/(a+)+", `/${"a".repeat(40)}!`],
  ["/.*.*z", `/${"x".repeat(60_000)}`],
];

export const routing: Group = {
  name: "router",
  subjects: [
    ...kinds.flatMap((kind) => sizes.map((count) => find(kind, count))),
    ...hostile.map(([regex, path]): Subject => ({
      what: `router find, hostile path of ${path.length.toLocaleString("en")} characters on ${regex}`,
      prepare() {
        const table = routeTable<string>([{ name: "slow", match: { path: { regex } }, cluster: "a" }]);
        const asked = { ...httpRequest("http://shop.example/"), path };
        return { run: () => table.find(asked) };
      },
      target: { mostNs: 1_000_000 },
    })),
  ],
};
