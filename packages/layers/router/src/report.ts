/** Says that a value at a place in a route makes no sense. */
export type Report = (path: readonly (string | number)[], value: unknown, expected: string) => void;
