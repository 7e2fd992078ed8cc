import { basename, dirname } from "node:path";
import type { Clock } from "../src/core/clock.ts";
import { sleep } from "../src/core/clock.ts";
import type { Random } from "../src/core/random.ts";
import type { Files } from "../src/ledger/spool/files.ts";
import type { Process } from "./process.ts";

interface File {
  bytes: Uint8Array;
  /** As it was at the last sync. */
  durable: Uint8Array;
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
      const file = this.#files.get(path) ?? { bytes: new Uint8Array(), durable: new Uint8Array() };
      this.#files.set(path, file);
      this.#descriptors += 1;
      this.#open.set(this.#descriptors, file);
      return this.#descriptors;
    },
    close: (descriptor) => void this.#open.delete(descriptor),
    size: (descriptor) => this.#at(descriptor).bytes.length,
    write: (descriptor, bytes, position) => {
      const file = this.#at(descriptor);
      const length = Math.max(file.bytes.length, position + bytes.length);
      const written = new Uint8Array(length);
      written.set(file.bytes);
      written.set(bytes, position);
      file.bytes = written;
    },
    read: (descriptor, buffer, position) => {
      const part = this.#at(descriptor).bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
    truncate: (descriptor, length) => {
      const file = this.#at(descriptor);
      file.bytes = file.bytes.slice(0, length);
    },
    sync: async (descriptor) => {
      const file = this.#at(descriptor);
      await sleep(this.clock, 0.2 + this.random.next());
      file.durable = file.bytes.slice();
    },
    syncDirectory: () => {},
    remove: (path) => void this.#files.delete(path),
  };

  /** What was not synced is gone, or is there in part. */
  failPower(): void {
    for (const file of this.#files.values()) {
      const { bytes, durable } = file;
      const torn = durable.length + Math.floor(this.random.next() * (bytes.length - durable.length + 1));
      file.bytes = bytes.slice(0, Math.max(durable.length, torn));
      file.durable = file.bytes.slice();
    }
  }

  #at(descriptor: number): File {
    const file = this.#open.get(descriptor);
    if (file === undefined) throw new Error("a closed file was used");
    return file;
  }
}
