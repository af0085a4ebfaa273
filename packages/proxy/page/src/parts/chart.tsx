import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface ChartProps {
  readonly title: string;
  /** What there is for those who do not see the chart, and for all below it. */
  readonly summary: string;
  /** The end of the last step, in milliseconds since 1970. */
  readonly end: number;
  readonly stepMs: number;
  readonly steps: number;
  readonly values: readonly (number | null)[];
  readonly wrong?: boolean;
  readonly format: (value: number) => string;
}

const height = 84;

/** A series over the last 15 minutes. */
export function Chart({ title, summary, end, stepMs, steps, values, wrong = false, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data: uPlot.AlignedData = [
    values.map((_, n) => (end - (values.length - 1 - n) * stepMs) / 1_000),
    [...values],
  ];
  const scale = { min: (end - (steps - 1) * stepMs) / 1_000, max: end / 1_000 };

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, wrong, format), data, element);
      plot.current.setScale("x", scale);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    // The colours are those of the style sheet when it was drawn.
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      scheme.removeEventListener("change", draw);
      resized.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
    // What changes from step to step is set below.
  }, [wrong]);

  useEffect(() => {
    plot.current?.setData(data, false);
    plot.current?.setScale("x", scale);
  }, [end, values]);

  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong> {summary}
      </figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${summary}`} />
    </figure>
  );
}

function options(element: HTMLElement, wrong: boolean, format: (value: number) => string): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const font = `11px ${style.fontFamily}`;
  const axis: uPlot.Axis = {
    font,
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1_000), "UTC"),
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    series: [
      {},
      {
        stroke: colour(wrong ? "--bad" : "--accent"),
        fill: colour(wrong ? "--bad-soft" : "--accent-soft"),
        width: 1.5,
        points: { show: false },
      },
    ],
    axes: [
      {
        ...axis,
        size: 24,
        values: (_, splits) => splits.map((at) => new Date(at * 1_000).toISOString().slice(11, 16)),
      },
      { ...axis, size: 56, space: 16, values: (_, splits) => splits.map(format) },
    ],
  };
}
