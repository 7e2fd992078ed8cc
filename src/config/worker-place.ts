import { z } from "zod";
import { shortName } from "./fields.ts";

/** Where a process stands among the workers of one machine. Its parent tells it in `SLUICE_WORKER`, as JSON. */
export interface WorkerPlace {
  /** From 1. */
  readonly number: number;
  /** The node names of all workers of this machine, in the order of their numbers. */
  readonly nodes: readonly string[];
  /** No other machine takes part: NATS is the parent's own. */
  readonly isAlone: boolean;
}

const place = z
  .strictObject({ number: z.int().min(1), nodes: z.array(shortName).min(1), isAlone: z.boolean() })
  .refine(({ number, nodes }) => number <= nodes.length);

export const workerText = z
  .string()
  .refine((text) => parse(text) !== undefined, "is set by Sluice itself for the workers that it starts");

/** @param text has passed `workerText` */
export function readWorkerPlace(text: string): { readonly worker?: WorkerPlace } {
  const worker = parse(text);
  return worker === undefined ? {} : { worker };
}

export const writeWorkerPlace = (worker: WorkerPlace): string => JSON.stringify(worker);

function parse(text: string): WorkerPlace | undefined {
  try {
    return place.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
