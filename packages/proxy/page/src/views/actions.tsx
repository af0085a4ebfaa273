import { useState } from "preact/hooks";
import { ActionButton, useActions } from "../parts/actions.tsx";
import { Folded } from "../parts/folded.tsx";
import { Words } from "../parts/words.tsx";
import type { Parts } from "../parts.ts";
import type { Place } from "../place.ts";

interface ActionsProps {
  readonly parts: Parts;
  readonly place: Place;
}

/** What can be changed, if the configuration has a token for it. */
export function ActionsSection({ parts: { proxy }, place }: ActionsProps) {
  const { token, setToken, result } = useActions();
  const [level, setLevel] = useState("");
  if (proxy === undefined) return null;
  const { logLevel, logLevels, actions, phase } = proxy;
  return (
    <>
      <Folded name="actions" title="Actions" state={stateText(actions.enabled, token)} place={place}>
        {actions.enabled ? (
          <form class="filters" onSubmit={(event) => event.preventDefault()}>
            <label>
              Token{" "}
              <input
                type="password"
                autocomplete="off"
                value={token}
                onInput={({ currentTarget }) => setToken(currentTarget.value.trim())}
              />
            </label>
            <ActionButton path="/reload" name="Reload" />
            <label>
              Log level{" "}
              <select
                value={level || logLevel}
                onChange={({ currentTarget }) => setLevel(currentTarget.value)}
              >
                {logLevels.map((each) => (
                  <option key={each} value={each}>
                    {each}
                  </option>
                ))}
              </select>
            </label>
            <ActionButton
              path={`/log-level?level=${encodeURIComponent(level || logLevel)}`}
              name="Set log level"
            />
            {phase === "draining" ? null : (
              <ActionButton
                path="/drain"
                name="Drain"
                confirm="The process accepts no more connections, completes the requests in flight, and exits. Nothing here can undo this."
              />
            )}
          </form>
        ) : (
          <p class="empty">
            <Words>
              This page can only be read: `admin.tokenFile` in the configuration would allow actions.
            </Words>
          </p>
        )}
      </Folded>
      <p role="status" class={result === undefined || result.ok ? "" : "bad"}>
        <Words>{result?.text ?? ""}</Words>
      </p>
    </>
  );
}

function stateText(isEnabled: boolean, token: string): string {
  if (!isEnabled) return "read only";
  return token === "" ? "need the token" : "ready";
}
