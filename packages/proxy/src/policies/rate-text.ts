/** A rate for people to read: `10/s`, `1/m`, `30/h`. */
export function rateText(perSecond: number): string {
  const units = [
    ["s", 1],
    ["m", 60],
    ["h", 3_600],
  ] as const;
  const [unit, seconds] = units.find(([, seconds]) => perSecond * seconds >= 0.999) ?? units[2];
  return `${Number((perSecond * seconds).toFixed(2))}/${unit}`;
}
