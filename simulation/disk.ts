import { basename, dirname } from "node:path";
import type { Clock } from "../src/core/clock.ts";
import { sleep } from "../src/core/clock.ts";
import type { Random } from "../src/core/random.ts";
import type { Files } from "../src/ledger/spool/files.ts";
import type { Process } from "./process.ts";

/** Only ever written at its end, and cut. */
interface File {
  /** Its bytes, with room behind them. */
  room: Uint8Array;
  length: number;
  /** So many bytes a power failure leaves. */
  synced: number;
}

/** A segment of the simulated spools and a record more. */
const LEAST_ROOM = 8_192;

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
      const file = this.#files.get(path) ?? { room: new Uint8Array(LEAST_ROOM), length: 0, synced: 0 };
      this.#files.set(path, file);
      this.#descriptors += 1;
      this.#open.set(this.#descriptors, file);
      return this.#descriptors;
    },
    close: (descriptor) => void this.#open.delete(descriptor),
    size: (descriptor) => this.#at(descriptor).length,
    write: (descriptor, bytes, position) => {
      const file = this.#at(descriptor);
      if (position !== file.length) throw new Error("a file was not written at its end");
      file.length += bytes.length;
      if (file.length > file.room.length) {
        const larger = new Uint8Array(2 * file.length);
        larger.set(file.room);
        file.room = larger;
      }
      file.room.set(bytes, position);
    },
    read: (descriptor, buffer, position) => {
      const { room, length } = this.#at(descriptor);
      const part = room.subarray(0, length).subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    },
    truncate: (descriptor, length) => {
      const file = this.#at(descriptor);
      file.length = Math.min(file.length, length);
      file.synced = Math.min(file.synced, length);
    },
    sync: async (descriptor) => {
      const file = this.#at(descriptor);
      await sleep(this.clock, 0.2 + this.random.next());
      file.synced = file.length;
    },
    syncDirectory: () => {},
    remove: (path) => void this.#files.delete(path),
  };

  /** What was not synced is gone, or is there in part. */
  failPower(): void {
    for (const file of this.#files.values()) {
      const { length, synced } = file;
      file.length = synced + Math.floor(this.random.next() * (length - synced + 1));
      file.synced = file.length;
    }
  }

  #at(descriptor: number): File {
    const file = this.#open.get(descriptor);
    if (file === undefined) throw new Error("a closed file was used");
    return file;
  }
}
