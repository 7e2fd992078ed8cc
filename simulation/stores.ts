import type { Subscription } from "../src/bus/bus.ts";
import type { InProcessMessageLog } from "../src/bus/in-process-message-log.ts";
import type { KeyValue, KeyValueEntry } from "../src/bus/key-value.ts";
import type { MessageLog } from "../src/bus/message-log.ts";
import { sleep } from "../src/core/clock.ts";
import type { NodeId } from "../src/core/ids.ts";
import { never } from "./chance.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";

/** A client gives up a request to a store after this long, whatever became of it. */
const CLIENT_MS = 5_000;
/** A message whose consumer does not acknowledge comes again. */
const ACK_WAIT_MS = 5_000;

/** What one process asks of a store: late, in vain, or done without an answer. */
function asker(network: Network, node: NodeId, process: Process) {
  const { chance } = network;
  const happen = async <Value>(act: () => Promise<Value>): Promise<Value> => {
    if (network.cutOff.has(node)) return never();
    if (chance.happens(chance.faults.lose)) return never();
    await chance.travel();
    const stall = network.stalledUntil - chance.clock.monotonic();
    if (stall > 0) await sleep(chance.clock, stall + chance.between(0, 200));
    const done = await act();
    if (chance.happens(chance.faults.ambiguous) || network.cutOff.has(node)) return never();
    await chance.travel();
    return done;
  };
  return <Value>(act: () => Promise<Value>): Promise<Value> =>
    process.reachWithin(CLIENT_MS, happen(act), () => new Error("timeout"));
}

/** The key-value store as one process sees it. Its watch is late, and silent while the process is cut off. */
export function storeOf(
  network: Network,
  shared: KeyValue,
  node: NodeId,
  process: Process,
  ageMs: number,
): KeyValue {
  const ask = asker(network, node, process);
  return {
    ageMs,
    create: (...asked) => ask(() => shared.create(...asked)),
    update: (...asked) => ask(() => shared.update(...asked)),
    delete: (...asked) => ask(() => shared.delete(...asked)),
    watch: (onChange) => watch(network, shared, node, process, onChange),
  };
}

function watch(
  { chance, cutOff }: Network,
  shared: KeyValue,
  node: NodeId,
  process: Process,
  onChange: (key: string, entry: KeyValueEntry | undefined) => void,
): Subscription {
  /** In the order of the store: changes never overtake each other, however late they are. */
  const coming: (readonly [key: string, entry: KeyValueEntry | undefined])[] = [];
  const carry = (): void => {
    const ms = chance.happens(chance.faults.late) ? chance.between(100, 900) : 1;
    chance.clock.after(ms, () => {
      const change = coming.shift();
      if (change !== undefined) process.deliver(() => onChange(...change));
      if (coming.length > 0) queueMicrotask(carry);
    });
  };
  const subscription = shared.watch((key, entry) => {
    if (cutOff.has(node)) return;
    coming.push([key, entry]);
    if (coming.length === 1) queueMicrotask(carry);
  });
  process.atEnd(() => subscription.close());
  return subscription;
}

/** The message log as one process sees it. */
export function logOf(
  network: Network,
  shared: InProcessMessageLog,
  node: NodeId,
  process: Process,
): MessageLog {
  const ask = asker(network, node, process);
  return {
    maxBytes: shared.maxBytes,
    append: (subject, message) => ask(() => shared.append(subject, message)),
    subjects: () => ask(() => shared.subjects()),
    consume(name, subject, handler) {
      const consumption = shared.consume(name, subject, async (message, deliveries) => {
        const { chance } = network;
        if (network.cutOff.has(node) || process.isDead) throw new Error("nobody pulls");
        const handled = new Promise<void>((resolve, reject) => {
          process.deliver(() => void handler(message, deliveries).then(resolve, reject));
        });
        let isLate = false;
        await Promise.race([
          handled,
          sleep(chance.clock, ACK_WAIT_MS).then(() => {
            isLate = true;
          }),
        ]);
        // The acknowledgement may be lost, too.
        if (isLate || network.cutOff.has(node) || chance.happens(chance.faults.lose))
          throw new Error("no ack");
      });
      process.atEnd(() => consumption.close());
      return consumption;
    },
  };
}
