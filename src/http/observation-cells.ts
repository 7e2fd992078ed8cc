import { Histogram, type Registry } from "prom-client";
import { createCells, type LabelledCells, type Labels } from "./labelled-cells.ts";

/** What a histogram has seen for one set of labels. */
class Observations<Name extends string> {
  /** For each bucket by itself; the last one is beyond all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(
    readonly labels: Labels<Name>,
    readonly bounds: readonly number[],
  ) {
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** What is no number is left out: it would spoil the sum for good. */
  observe(value: number): void {
    if (!Number.isFinite(value)) return;
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  /** As Prometheus has it: each bucket holds those below it, too. */
  series(name: string) {
    let count = 0;
    const buckets = [...this.#counts].map((own, index) => {
      count += own;
      const labels = { le: this.bounds[index] ?? "+Inf" };
      return { metricName: `${name}_bucket`, labels, sharedLabels: this.labels, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, sharedLabels: this.labels, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels: this.labels, value: count },
    ];
  }
}

/**
 * A histogram whose cells are plain numbers until somebody scrapes. prom-client's own puts a hash of the labels
 * together for each value, which costs more than the rest of it.
 */
class CellHistogram<Name extends string> extends Histogram<Name> {
  readonly cells: LabelledCells<Observations<Name>>;

  constructor(
    registry: Registry,
    readonly metric: { readonly name: string; readonly help: string },
    labelNames: readonly Name[],
    bounds: number[],
  ) {
    super({ ...metric, labelNames, buckets: bounds, registers: [registry] });
    this.cells = createCells(labelNames, (labels) => new Observations(labels, bounds));
  }

  /** What prom-client makes its text of, and what its own `get` asks; in no type of it. */
  async getForPromString() {
    const { name, help } = this.metric;
    const values = [...this.cells.all()].flatMap((cell) => cell.series(name));
    return { name, help, type: "histogram", aggregator: "sum", values };
  }
}

export const observationCells = <Name extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Name[],
  bounds: number[],
): LabelledCells<Observations<Name>> => new CellHistogram(registry, { name, help }, labelNames, bounds).cells;
