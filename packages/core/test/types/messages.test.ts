import { describe, expect, test } from "vitest";
import { compile, compilers } from "./compile.ts";
import { inOrder } from "./in-order.ts";
import { mistakes } from "./mistakes.ts";

// The compiler's messages for mistakes are part of the product: these are their texts and lines.
describe.each(compilers)("the words of %s", (compiler) => {
  const { complaints } = compile("messages", mistakes, compiler);

  function only(name: keyof typeof mistakes): { readonly line: string; readonly message: readonly string[] } {
    expect(complaints[name]).toHaveLength(1);
    const { line = "", message = "" } = complaints[name]?.[0] ?? {};
    return { line, message: message.split("\n").map((each) => inOrder(each.trim())) };
  }

  test("a layer in the wrong place: names what is missing, on that layer's line", () => {
    expect(only("misplaced")).toEqual({
      line: ".layer(retry())",
      message: [
        "Argument of type 'Layer<Routed, unknown, never, never, never, unknown>' is not assignable to parameter of type 'AnyLayer<HttpRequest, unknown, unknown> | Layer<HttpRequest, unknown, never, never, never, unknown>'.",
        "Type 'Layer<Routed, unknown, never, never, never, unknown>' is not assignable to type 'AnyLayer<HttpRequest, unknown, unknown>'.",
        "Property 'route' is missing in type 'HttpRequest' but required in type 'Routed'.",
      ],
    });
  });

  test("an unanswered error: names it where the stack is served", () => {
    expect(only("forgotten")).toEqual({
      line: "serve(stack);",
      message: [
        "Argument of type 'Service<HttpRequest, HttpResponse, RateLimited>' is not assignable to parameter of type 'Service<HttpRequest, HttpResponse, never>'.",
        "Type 'RateLimited' is not assignable to type 'never'.",
      ],
    });
  });

  test("an error raised outside its handler: names it where the stack is served", () => {
    const { line, message } = only("outside");
    expect([line, message.at(-1)]).toEqual([
      "serve(stack);",
      "Type 'TimedOut' is not assignable to type 'never'.",
    ]);
  });

  test("a handler that passes on an error that it declares handled: names the error on the line of its call", () => {
    const { line, message } = only("handler");
    expect(line).toBe("call: (request, signal) => inner.call(request, signal),");
    expect(message[0]).toBe(
      "Type 'Promise<Either<Err | TimedOut, Res>>' is not assignable to type 'Promise<Either<Err, Res | string>>'.",
    );
    expect(message).toContain("Type 'Err | TimedOut' is not assignable to type 'Err'.");
  });

  test("a layer that raises an undeclared error: names the error on the line of its call", () => {
    const { line, message } = only("raiser");
    expect(line).toBe("call: () => Promise.resolve(left(timedOut)),");
    expect(message).toContain("Type 'TimedOut' is not assignable to type 'Err'.");
  });

  // Defect: both were accepted, and the errors of the whole stack became `unknown` or vanished.
  test.each([
    ["plain", ".layer(logged)"],
    ["mapping", ".layer(mapError((error: Refused) => error._tag))"],
  ])("a value that is not a layer (%s): tells what to do instead, on its line", (name, expected) => {
    const { line, message } = only(name);
    expect(line).toBe(expected);
    expect(message.at(-1)).toMatch(
      /^Property '"~layer: adapters go into adapt\(\); make layers with layer\(name, perService\)"' is missing in type/u,
    );
  });

  test("a service that needs what no layer adds: names what is missing, on its line", () => {
    const { line, message } = only("needy");
    expect(line).toBe(".service(routed);");
    expect(message.at(-1)).toBe(
      "Property 'route' is missing in type 'HttpRequest' but required in type 'Routed'.",
    );
  });

  test("a response that a layer does not accept: its type, on the line of the service", () => {
    expect(only("ofNumbers")).toEqual({
      line: ".service(numbers);",
      message: [
        "Argument of type 'Service<HttpRequest, number, Refused>' is not assignable to parameter of type 'Service<HttpRequest, HttpResponse, Refused>'.",
        "Type 'number' is not assignable to type 'HttpResponse'.",
      ],
    });
  });

  test.each([
    [
      "the response of an adapter that a layer outside does not accept",
      "outsideJson",
      ".adapt(json(() => ({ id: 1 })))",
      "Property 'status' is missing in type '{ id: number; }' but required in type 'HttpResponse'.",
    ],
    [
      "the response of a layer that a layer outside does not accept",
      "outsideCache",
      ".layer(cached())",
      "Type 'string' is not assignable to type 'HttpResponse'.",
    ],
    [
      "the error of a layer that an adapter outside does not catch",
      "uncaught",
      ".layer(timeout(1_000))",
      "Type 'TimedOut' is not assignable to type 'Refused'.",
    ],
    [
      "the error of an adapter that an adapter outside does not catch",
      "uncaughtByAdapter",
      ".adapt(json(Number))",
      "Type 'BadBody' is not assignable to type 'Refused'.",
    ],
    [
      "the error of a service that an adapter outside does not catch",
      "uncaughtOfService",
      ".service(origin);",
      "Type 'Refused' is not assignable to type 'TimedOut'.",
    ],
    [
      "a request that an adapter does not take",
      "anotherRequest",
      ".adapt(url())",
      "Type 'HttpRequest' is not assignable to type 'string'.",
    ],
  ])("%s: its type, on its own line (%s)", (_what, name, line, message) => {
    const said = only(name);
    expect(said.line).toBe(line);
    expect(said.message).toContain(message);
  });

  test.each([
    ["a layer", "layerToAdapt", ".adapt(timeout(1_000))"],
    ["a plain function", "plainToAdapt", ".adapt(logged)"],
  ])("%s where an adapter is wanted: what to do instead, on its line", (_what, name, expected) => {
    const { line, message } = only(name);
    expect(line).toBe(expected);
    expect(message.at(-1)).toMatch(
      /^Property '"~adapter: layers go into layer\(\); make adapters with adapter\(name, perService\)"' is missing in type/u,
    );
  });

  test("a layer that needs a request, in a policy: names what is missing, on its line", () => {
    const { line, message } = only("policyOfRequests");
    expect(line).toBe("router(),");
    expect(message.at(-1)).toBe(
      "Type 'Replayable' is missing the following properties from type 'HttpRequest': method, path",
    );
  });

  test("a stack that replaces its request is not a layer: on the line where the stack begins", () => {
    const { line, message } = only("notALayer");
    expect(line).toBe("export const stack = new ServiceBuilder<string>()");
    expect(message[0]).toMatch(/^The 'this' context of type 'ServiceBuilder<string, HttpRequest, /u);
  });
});
