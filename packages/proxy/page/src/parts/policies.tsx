import { Words } from "./words.tsx";
import type { LivePolicy, LiveValue } from "../../../src/live/snapshot.ts";

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

/** `attempts: 3, budget: { ratio: 0.2 }`. */
export function settingsText(value: LiveValue): string {
  const text = valueText(value);
  return text.startsWith("{ ") ? text.slice(2, -2) : text;
}

function valueText(value: LiveValue): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const fields = Object.entries(value).map(([name, each]) => `${name}: ${valueText(each)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}
