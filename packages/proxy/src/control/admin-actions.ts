import { type Either, isLeft } from "@pagoda/core";
import type { Action } from "./admin-action.ts";
import { endpointActions } from "./endpoint-actions.ts";
import type { EndpointOperations } from "./endpoint-operations.ts";
import { type HttpRequest, text } from "@pagoda/http";

/** What an operator can change. */
export interface Operations {
  /** `Left`: a line for each problem; nothing has changed. */
  reload(): Promise<Either<readonly string[], void>>;
  drain(): void;
  readonly logLevels: readonly string[];
  setLogLevel(level: string): Promise<void>;
  readonly endpoints: EndpointOperations;
}

/** The actions, by path. */
export function actionsOf(operations: Operations): Readonly<Record<string, Action>> {
  return {
    "/log-level": {
      about: "changes the log level until the next start or change of `log.level`",
      parameters: { level: `one of ${operations.logLevels.join(", ")}` },
      async act(given, request) {
        const level = given.get("level") ?? (await bodyOf(request));
        if (!operations.logLevels.includes(level))
          return text(`the level must be one of ${operations.logLevels.join(", ")} (got "${level}")\n`, 400);
        // Parameters are logged.
        given.set("level", level);
        await operations.setLogLevel(level);
        return text(`${level}\n`);
      },
    },
    "/reload": {
      about: "applies the configuration on disk",
      parameters: {},
      async act() {
        const done = await operations.reload();
        return isLeft(done) ? text(`${done.left.join("\n")}\n`, 422) : text("reloaded\n");
      },
    },
    "/drain": {
      about: "completes the requests in flight and exits",
      parameters: {},
      act() {
        operations.drain();
        return text("draining\n", 202);
      },
    },
    ...endpointActions(operations.endpoints),
  };
}

/** The actions as data, for pages and programs. */
export function actionList(actions: Readonly<Record<string, Action>>): readonly object[] {
  return Object.entries(actions).map(([path, { about, parameters }]) => ({ path, about, parameters }));
}

async function bodyOf({ body }: HttpRequest): Promise<string> {
  const read = await body.text({ maxBytes: 1_024 });
  return isLeft(read) ? "" : read.right.trim();
}
