import { Counter, Gauge, type Registry } from "prom-client";

/** What a node knows of streams across nodes. */
export interface ClusterStreamsSource {
  /** Readers of this node's streams on other nodes. */
  readonly remoteReaders: number;
  /** What became of streams, by what it was. */
  readonly steps: ReadonlyMap<string, number>;
}

/** Metrics of resumable streams that other nodes read, or have taken over; read when they are asked for. */
export function addClusterStreams(registry: Registry, source: ClusterStreamsSource): void {
  new Gauge({
    name: "stream_remote_readers",
    help: "Readers on other nodes of this node's resumable streams.",
    registers: [registry],
    collect() {
      this.set(source.remoteReaders);
    },
  });
  new Counter({
    name: "stream_cluster_total",
    help: "Resumable streams across nodes. copy_written: messages of copies; copy_late: readers went ahead of a copy; copy_dropped: a copy was given up; copy_lost: another node had the stream; continued: went on with another node's; restored: an ended one read from its copy; beaten: another node was first.",
    labelNames: ["step"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [step, count] of source.steps) this.inc({ step }, count);
    },
  });
}
