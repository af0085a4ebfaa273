import { LinearRegex, Substitution } from "@pagoda/linear-regex";
import { RE2JS } from "re2js";
import type { Group, Subject } from "./subject.ts";

const routes: readonly (readonly [pattern: string, path: string])[] = [
  ["/users/[0-9]+", "/users/12345"],
  ["/api/v[0-9]+/users/[0-9]+/posts/[0-9]+", "/api/v1/users/12345/posts/678"],
  [".*\\.(?:css|js|png|svg)", "/static/assets/app.3f2a1b.js"],
];

/** Texts that keep a backtracking engine busy, or that need many states. */
const hostile: readonly (readonly [pattern: string, path: string])[] = [
  ["/.*.*z", `/${"x".repeat(60_000)}`],
  ["/.*a.{7}", `/${letters(60_000)}`],
];

/** The letters a and b in random order, the same in each run. */
function letters(count: number): string {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 16) & 1 ? "a" : "b";
  }).join("");
}

function subjects([pattern, path]: readonly [string, string]): readonly Subject[] {
  const length = path.length.toLocaleString("en");
  const what = `match ${pattern} on ${length} characters`;
  return [
    {
      what: `${what}: linear-regex`,
      prepare() {
        const regex = new LinearRegex(pattern);
        return { run: () => regex.matches(path) };
      },
    },
    {
      what: `${what}: re2js 2`,
      prepare() {
        const regex = RE2JS.compile(pattern);
        return { run: () => regex.matches(path) };
      },
    },
  ];
}

function native([pattern, path]: readonly [string, string]): Subject {
  return {
    what: `match ${pattern} on ${path.length} characters: RegExp, which is not linear`,
    prepare() {
      const regex = new RegExp(`^(?:${pattern})$`);
      return { run: () => regex.test(path) };
    },
  };
}

const rewrite = ["/shop/([^/]+)/([^/]+)", "/$2/$1", "/shop/shoes/red"] as const;

export const regexes: Group = {
  name: "linear-regex",
  subjects: [
    ...routes.flatMap((one) => subjects(one).concat(native(one))),
    ...hostile.flatMap(subjects),
    {
      what: `rewrite ${rewrite[0]}: linear-regex`,
      prepare() {
        const [pattern, replacement, path] = rewrite;
        const substitution = new Substitution(pattern, replacement);
        return { run: () => substitution.apply(path) };
      },
    },
    {
      what: `rewrite ${rewrite[0]}: re2js 2`,
      prepare() {
        const [pattern, replacement, path] = rewrite;
        const regex = RE2JS.compile(`^(?:${pattern})$`);
        return { run: () => regex.matcher(path).replaceFirst(replacement) };
      },
    },
  ],
};
