import { Gauge, type Registry } from "prom-client";

/** Connections to vendors, the unused ones among them; undefined where nobody knows (`fetch`). */
export type ConnectionSource = () => { readonly connections: number; readonly idle: number } | undefined;

/** Metrics of connections to vendors, read when they are asked for. */
export function addConnections(registry: Registry, read: ConnectionSource): void {
  new Gauge({
    name: "vendor_connections",
    help: "Connections from this node to vendors; idle: kept for the next call.",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.reset();
      const now = read();
      if (now === undefined) return;
      this.set({ state: "busy" }, now.connections - now.idle);
      this.set({ state: "idle" }, now.idle);
    },
  });
}
