import type { Cancel } from "../core/clock.ts";
import type { Sink } from "./generation-body.ts";
import type { KeepPlace } from "./keep-room.ts";

/** Every stream tells its charge in a comment before its end; nothing that a vendor sends can look like it. */
const CHARGE = Buffer.from(": sluice {");
const NEWLINE = 0x0a;

/** With all its bytes; what charged nothing; what is too large to be kept; what broke off, so that its charge is not known. */
export type KeptEnd = Uint8Array | "nothing" | "too large" | "broken";

/**
 * The same stream, read to its end whether its client stays or not, and kept before its last frames leave.
 * @param keep told once how it ended
 * @param whenStalled calls `run` once a client that is behind has read nothing for as long as one may: it is disconnected
 */
export function keptStream(
  source: ReadableStream<Uint8Array>,
  place: KeepPlace,
  keep: (end: KeptEnd) => Promise<void>,
  whenStalled: (run: () => void) => Cancel,
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
  let client: Sink | undefined;
  let reading: Promise<void> | undefined;
  const left = Promise.withResolvers<void>();
  /** The answer is wanted all the same, for when the client comes back. */
  const leave = (): void => {
    client = undefined;
    left.resolve();
    reading ??= readAll();
  };
  const disconnect = (): void => {
    const gone = client;
    leave();
    gone?.close(new Error("The client reads nothing."));
  };
  /** A promise while the client is behind. */
  const write = (value: Uint8Array): unknown => {
    try {
      const written = client?.write(value);
      if (!(written instanceof Promise)) client?.flush();
      return written;
    } catch {
      return leave();
    }
  };
  /** As fast as the client reads, and to the end when it has left. */
  const readAll = async (): Promise<void> => {
    try {
      for (let value = await next(); value !== undefined; value = await next()) {
        const written = write(value);
        if (!(written instanceof Promise)) continue;
        const callOff = whenStalled(disconnect);
        await Promise.race([written, left.promise]).catch(leave);
        callOff();
      }
      client?.close();
    } catch (thrown) {
      client?.close(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  };

  return new ReadableStream<Uint8Array>({
    type: "direct",
    pull(sink) {
      if (reading !== undefined) return;
      client = sink;
      reading = readAll();
    },
    cancel: leave,
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
