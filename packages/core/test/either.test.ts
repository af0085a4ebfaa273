import { type Either, isLeft, isRight, left, right } from "@pagoda/core";
import * as fp from "fp-ts/lib/Either.js";
import { expect, expectTypeOf, test } from "vitest";

test("an Either is one of fp-ts, in both directions", () => {
  expectTypeOf<Either<"refused", number>>().toEqualTypeOf<fp.Either<"refused", number>>();
  expect(right(1)).toEqual(fp.right(1));
  expect(left("refused")).toEqual(fp.left("refused"));
  expect(fp.map((n: number) => n + 1)(right(1))).toEqual(right(2));
  expect([isLeft(fp.left(1)), isLeft(fp.right(1))]).toEqual([true, false]);
  expect([isRight(fp.left(1)), isRight(fp.right(1))]).toEqual([false, true]);
});
