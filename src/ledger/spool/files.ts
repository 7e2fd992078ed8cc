import * as fs from "node:fs";
import { constants } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** The disk as the spool uses it, so that tests and a simulator can make it fail. Errors are node's own. */
export interface Files {
  makeDirectory(path: string): void;
  /** File names in the directory. */
  list(directory: string): readonly string[];
  /** Opens for reading and writing, creating it; answers a descriptor. */
  open(path: string): number;
  close(descriptor: number): void;
  size(descriptor: number): number;
  /** Writes all of the bytes at the position or throws; a part may then be there. */
  write(descriptor: number, bytes: Uint8Array, position: number): void;
  /** Reads up to the buffer's length; answers how much there was. */
  read(descriptor: number, buffer: Uint8Array, position: number): number;
  truncate(descriptor: number, length: number): void;
  /** On disk, data and length, when it resolves. */
  sync(descriptor: number): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): void;
  remove(path: string): void;
}

export const systemFiles: Files = {
  makeDirectory(path) {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
    this.syncDirectory(dirname(path));
  },
  list: (directory) => fs.readdirSync(directory),
  open: (path) => fs.openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600),
  close: (descriptor) => fs.closeSync(descriptor),
  size: (descriptor) => fs.fstatSync(descriptor).size,
  write(descriptor, bytes, position) {
    for (let written = 0; written < bytes.length; ) {
      written += fs.writeSync(descriptor, bytes, written, bytes.length - written, position + written);
    }
  },
  read: (descriptor, buffer, position) => fs.readSync(descriptor, buffer, 0, buffer.length, position),
  truncate: (descriptor, length) => fs.ftruncateSync(descriptor, length),
  sync: promisify(fs.fdatasync),
  syncDirectory(path) {
    if (process.platform === "win32") return; // directories cannot be opened there
    const descriptor = fs.openSync(path, constants.O_RDONLY);
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  remove: (path) => fs.unlinkSync(path),
};
