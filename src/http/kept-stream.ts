import type { KeepPlace } from "./keep-room.ts";

/** Every stream tells its charge in a comment before its end; nothing that a vendor sends can look like it. */
const CHARGE = Buffer.from(": sluice {");
const NEWLINE = 0x0a;

/**
 * The same stream, read to its end whether its client stays or not, and kept before its last frames leave.
 * @param keep told once how it ended: with all its bytes, with `nothing` when it charged nothing, `too large`, or `broken` when what it charged is not known
 */
export function keptStream(
  source: ReadableStream<Uint8Array>,
  place: KeepPlace,
  keep: (end: Uint8Array | "nothing" | "too large" | "broken") => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const parts: Uint8Array[] = [];
  let hasRoom = true;
  let isKept = false;

  /** Undefined at the end. */
  const next = async (): Promise<Uint8Array | undefined> => {
    const { value, done } = await reader.read().catch(async (thrown: unknown) => {
      await settle("broken");
      throw thrown;
    });
    if (!done) {
      hasRoom = hasRoom && place.take(value.byteLength);
      if (hasRoom) parts.push(value);
      else parts.length = 0;
      const charge = chargeIn(value);
      if (charge !== undefined) await settle(isWorthKeeping(charge) ? "whole" : "nothing");
      return value;
    }
    await settle("broken");
    return undefined;
  };
  const settle = async (end: "whole" | "nothing" | "broken"): Promise<void> => {
    if (isKept) return;
    isKept = true;
    try {
      if (end !== "whole") await keep(end);
      else await keep(hasRoom ? Buffer.concat(parts) : "too large");
    } finally {
      place.leave();
    }
  };
  /** The client left: the answer is wanted all the same, for when it comes back. */
  const readOn = async (): Promise<void> => {
    while ((await next()) !== undefined);
  };

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const value = await next();
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      void readOn().catch(() => {});
    },
  });
}

interface Charge {
  readonly outcome?: string;
  readonly cost?: string;
}

function chargeIn(bytes: Uint8Array): Charge | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf(CHARGE); at >= 0; at = buffer.indexOf(CHARGE, at + 1)) {
    if (at > 0 && buffer[at - 1] !== NEWLINE) continue;
    const end = buffer.indexOf(NEWLINE, at);
    const text = buffer.subarray(at + CHARGE.length - 1, end < 0 ? undefined : end).toString("utf8");
    return JSON.parse(text) as Charge; // our own comment
  }
  return undefined;
}

/** What was neither whole nor charged may be tried again; what was charged is answered as it ended. */
const isWorthKeeping = ({ outcome, cost }: Charge): boolean =>
  outcome === "completed" || (cost !== undefined && cost !== "0");
