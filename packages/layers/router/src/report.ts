/** Reports an invalid value in a route. */
export type Report = (path: readonly (string | number)[], value: unknown, expected: string) => void;
