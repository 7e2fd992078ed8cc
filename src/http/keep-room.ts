/** Memory for answers that are kept while they run: so much for each, and so much for all of them. */
export class KeepRoom {
  #taken = 0;

  constructor(
    readonly eachBytes: number,
    readonly allBytes: number,
  ) {}

  get takenBytes(): number {
    return this.#taken;
  }

  /** A place for one answer. */
  open(): KeepPlace {
    let own = 0;
    let isFull = false;
    const leave = (): void => {
      this.#taken -= own;
      own = 0;
    };
    return {
      take: (bytes) => {
        isFull ||= own + bytes > this.eachBytes || this.#taken + bytes > this.allBytes;
        if (isFull) {
          leave();
          return false;
        }
        own += bytes;
        this.#taken += bytes;
        return true;
      },
      leave,
    };
  }
}

export interface KeepPlace {
  /** False when there is no room, now and from then on: what was taken before is free again. */
  take(bytes: number): boolean;
  leave(): void;
}
