import { describe, expect, test } from "bun:test";
import { Roster } from "./roster.ts";

class Guest {
  place = -1;
  constructor(readonly name: string) {}
}

const namesOn = (roster: Roster<Guest>): string =>
  [...roster]
    .map(({ name }) => name)
    .sort()
    .join("");

describe("a roster", () => {
  test("holds who came and has not left, each once", () => {
    const roster = new Roster<Guest>();
    const [a, b, c] = ["a", "b", "c"].map((name) => new Guest(name)) as [Guest, Guest, Guest]; // three names
    for (const guest of [a, b, c, b]) roster.add(guest);
    expect([namesOn(roster), roster.size]).toEqual(["abc", 3]);
    expect([roster.delete(a), roster.delete(a)]).toEqual([true, false]);
    expect(namesOn(roster)).toBe("bc");
    roster.add(a);
    expect(namesOn(roster)).toBe("abc");
    roster.clear();
    expect([roster.size, roster.delete(b), b.place]).toEqual([0, false, -1]);
  });

  test("puts nobody out for who is on another one, and lets in who left it by its end", () => {
    const [here, elsewhere] = [new Roster<Guest>(), new Roster<Guest>()];
    const [a, b] = [new Guest("a"), new Guest("b")];
    here.add(a);
    elsewhere.add(b);
    expect([here.delete(b), namesOn(here)]).toEqual([false, "a"]);
    here.add(b);
    expect([namesOn(here), here.delete(a), here.delete(b), here.size]).toEqual(["ab", true, true, 0]);
  });

  test("is the same as a set, whatever comes and goes", () => {
    const roster = new Roster<Guest>();
    const set = new Set<Guest>();
    const guests = Array.from({ length: 40 }, (_, at) => new Guest(String.fromCharCode(65 + at)));
    let seed = 7;
    for (let step = 0; step < 5_000; step += 1) {
      seed = (seed * 48_271) % 2_147_483_647;
      const guest = guests[seed % guests.length];
      if (guest === undefined) throw new Error("a guest is missing");
      if (seed % 3 === 0) expect(roster.delete(guest)).toBe(set.delete(guest));
      else {
        roster.add(guest);
        set.add(guest);
      }
      expect(roster.size).toBe(set.size);
    }
    expect(new Set(roster)).toEqual(set);
  });

  test("may be left while it is read: everybody else is visited", () => {
    const roster = new Roster<Guest>();
    const guests = Array.from({ length: 9 }, (_, at) => new Guest(String(at)));
    for (const guest of guests) roster.add(guest);
    const seen = new Set<Guest>();
    for (const guest of roster) {
      seen.add(guest);
      roster.delete(guest);
      const other = guests.find((one) => one.place >= 0 && !seen.has(one) && one.name === "3");
      if (other !== undefined) {
        roster.delete(other);
        seen.add(other);
      }
    }
    expect(seen.size).toBe(9);
    expect(roster.size).toBe(0);
  });
});
