import { type ComponentChildren, createContext } from "preact";
import { useContext, useRef, useState } from "preact/hooks";

/** What an operator can change through the page, with the token that it takes. */
export interface Actions {
  /** Kept in memory only: leaving or reloading the page forgets it. */
  readonly token: string;
  setToken(token: string): void;
  /** What the last action has answered. */
  readonly result: { readonly ok: boolean; readonly text: string } | undefined;
  /** `POST`s to a page of the admin endpoint, named for the result. */
  act(path: string, name: string): Promise<void>;
}

const Context = createContext<Actions | undefined>(undefined);

interface ProviderProps {
  readonly children: ComponentChildren;
}

export function ActionsProvider({ children }: ProviderProps) {
  const [token, setToken] = useState("");
  const [result, setResult] = useState<Actions["result"]>(undefined);
  const act = async (path: string, name: string): Promise<void> => {
    setResult({ ok: true, text: `${name} …` });
    try {
      const response = await fetch(path, { method: "POST", headers: { authorization: `Bearer ${token}` } });
      setResult({ ok: response.ok, text: `${name}: ${(await response.text()).trim()}` });
    } catch (error) {
      setResult({ ok: false, text: `${name}: no answer (${String(error)})` });
    }
  };
  return <Context.Provider value={{ token, setToken, result, act }}>{children}</Context.Provider>;
}

export function useActions(): Actions {
  const actions = useContext(Context);
  if (actions === undefined) throw new Error("no ActionsProvider around this");
  return actions;
}

interface ActionButtonProps {
  readonly path: string;
  readonly name: string;
  /** What happens, for an action that is asked about first. */
  readonly confirm?: string;
  /** Added for screen readers, which do not see what is around it. */
  readonly of?: string;
}

/** A button for an action; it waits for the token. */
export function ActionButton({ path, name, confirm, of }: ActionButtonProps) {
  const { token, act } = useActions();
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        disabled={token === ""}
        onClick={() => (confirm === undefined ? void act(path, name) : dialog.current?.showModal())}
      >
        {name}
        {of === undefined ? null : <span class="hidden">{` ${of}`}</span>}
      </button>
      {confirm === undefined ? null : (
        <dialog ref={dialog} aria-label={name}>
          <p>{confirm}</p>
          <div class="choices">
            <button
              type="button"
              onClick={() => {
                dialog.current?.close();
                void act(path, name);
              }}
            >
              {name}
            </button>
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </dialog>
      )}
    </>
  );
}
