/** What can be on one roster at a time: it knows its own place there. */
export interface Member {
  /** Written by the roster; −1: on none. */
  place: number;
}

/**
 * Who is there, in no order: what comes and goes with every request. A `Set` would do, but for garbage: each time its
 * table is made anew the former one keeps its members and points to the next, so that once one of them is old, all that
 * were ever there live on until the heap is collected as a whole.
 */
export class Roster<Kind extends Member> {
  readonly #members: Kind[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Kind): void {
    if (this.#isHere(member)) return;
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** Answers whether it was there. */
  delete(member: Kind): boolean {
    if (!this.#isHere(member)) return false;
    const { place } = member;
    member.place = -1;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) {
      last.place = place;
      this.#members[place] = last;
    }
    return true;
  }

  clear(): void {
    for (const member of this.#members.splice(0)) member.place = -1;
  }

  /** Those who are there now; some may leave meanwhile, who are then not visited, and come, who may be. */
  *[Symbol.iterator](): Iterator<Kind> {
    for (let at = this.#members.length - 1; at >= 0; at -= 1) {
      const member = this.#members[at];
      if (member !== undefined) yield member;
    }
  }

  /** Looked at, not believed: a place that another roster wrote would put out somebody else, who is then never told. */
  #isHere(member: Kind): boolean {
    return this.#members[member.place] === member;
  }
}
