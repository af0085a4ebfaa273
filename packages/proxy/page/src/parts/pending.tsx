import type { Loaded } from "../loading.ts";
import { Words } from "./words.tsx";

interface PendingProps {
  readonly loaded: Loaded<unknown>;
}

/** What stands in place of a page that has not come: that it is loading, or why it failed. */
export function Pending({ loaded }: PendingProps) {
  if (loaded.state === "loading") return <p class="empty">Loading …</p>;
  if (loaded.state === "done") return null;
  return (
    <p class="bad" role="alert">
      <Words>{loaded.reason}</Words>
    </p>
  );
}
