import { Words } from "./words.tsx";
import type { LivePolicy } from "../../../src/live/snapshot.ts";
import { settingsText } from "../settings-text.ts";

interface PoliciesProps {
  readonly policies: readonly LivePolicy[];
  readonly of: string;
}

/** The policies of a stack with their settings, the outermost first. */
export function Policies({ policies, of }: PoliciesProps) {
  if (policies.length === 0)
    return (
      <p class="empty">
        <Words>{`No policies of ${of}: see \`policies\` in the configuration.`}</Words>
      </p>
    );
  return (
    <ol class="policies" aria-label={`policies of ${of}, the outermost first`}>
      {policies.map(({ policy, settings }) => (
        <li key={policy}>
          <strong>{policy}</strong> <code>{settingsText(settings)}</code>
        </li>
      ))}
    </ol>
  );
}
