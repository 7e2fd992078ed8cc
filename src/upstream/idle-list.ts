import type { Connection } from "./connection.ts";

/** The unused connections to one origin: the one that was used last is taken first, so that the others grow old. */
export class IdleList {
  #newest: Connection | undefined;
  #oldest: Connection | undefined;
  size = 0;

  get oldest(): Connection | undefined {
    return this.#oldest;
  }

  push(connection: Connection): void {
    connection.older = this.#newest;
    connection.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = connection;
    this.#newest = connection;
    this.#oldest ??= connection;
    this.size += 1;
  }

  pop(): Connection | undefined {
    const connection = this.#newest;
    if (connection !== undefined) this.remove(connection);
    return connection;
  }

  /** Only for one that is in the list. */
  remove(connection: Connection): void {
    const { older, newer } = connection;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    connection.older = undefined;
    connection.newer = undefined;
    this.size -= 1;
  }
}
