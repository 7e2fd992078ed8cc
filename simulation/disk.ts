import { basename, dirname } from "node:path";
import type { Clock } from "../src/core/clock.ts";
import { sleep } from "../src/core/clock.ts";
import type { Random } from "../src/core/random.ts";
import type { Files } from "../src/ledger/spool/files.ts";
import type { Process } from "./process.ts";

/** Only ever written at its end, and cut. */
interface File {
  bytes: Uint8Array;
  /** So many of them a power failure leaves. */
  synced: number;
}

const LEAST_ROOM = 8_192;

/** The same bytes with so many of them, in the same memory if it has room behind them. */
function roomFor(bytes: Uint8Array, length: number): Uint8Array {
  if (length <= bytes.buffer.byteLength) return new Uint8Array(bytes.buffer, 0, length);
  const larger = new Uint8Array(new ArrayBuffer(Math.max(2 * length, LEAST_ROOM)), 0, length);
  larger.set(bytes);
  return larger;
}

/** A disk in memory. A killed process leaves what it wrote; a power failure only what was synced, and torn ends. */
export class Disk {
  readonly #files = new Map<string, File>();
  readonly #open = new Map<number, File>();
  #descriptors = 0;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}

  /** As one process uses it; a dead one writes nothing more. */
  filesOf(process: Process): Files {
    const { files } = this;
    return {
      ...files,
      write(...asked) {
        if (process.isDead) throw new Error("the process is dead");
        files.write(...asked);
      },
      sync: (descriptor) => process.reach(files.sync(descriptor)),
    };
  }

  readonly files: Files = {
    makeDirectory: () => {},
    list: (directory) =>
      [...this.#files.keys()].filter((path) => dirname(path) === directory).map((path) => basename(path)),
    open: (path) => {
      const file = this.#files.get(path) ?? { bytes: new Uint8Array(), synced: 0 };
      this.#files.set(path, file);
      this.#descriptors += 1;
      this.#open.set(this.#descriptors, file);
      return this.#descriptors;
    },
    close: (descriptor) => void this.#open.delete(descriptor),
    size: (descriptor) => this.#at(descriptor).bytes.length,
    write: (descriptor, bytes, position) => {
      const file = this.#at(descriptor);
      if (position !== file.bytes.length) throw new Error("a file was not written at its end");
      file.bytes = roomFor(file.bytes, position + bytes.length);
      file.bytes.set(bytes, position);
    },
    read: (descriptor, buffer, position) => {
      const part = this.#at(descriptor).bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
    truncate: (descriptor, length) => {
      const file = this.#at(descriptor);
      file.bytes = file.bytes.subarray(0, length);
      file.synced = Math.min(file.synced, length);
    },
    sync: async (descriptor) => {
      const file = this.#at(descriptor);
      await sleep(this.clock, 0.2 + this.random.next());
      file.synced = file.bytes.length;
    },
    syncDirectory: () => {},
    remove: (path) => void this.#files.delete(path),
  };

  /** What was not synced is gone, or is there in part. */
  failPower(): void {
    for (const file of this.#files.values()) {
      const { bytes, synced } = file;
      const torn = synced + Math.floor(this.random.next() * (bytes.length - synced + 1));
      file.bytes = bytes.slice(0, torn);
      file.synced = torn;
    }
  }

  #at(descriptor: number): File {
    const file = this.#open.get(descriptor);
    if (file === undefined) throw new Error("a closed file was used");
    return file;
  }
}
