import { describe, expect, test } from "bun:test";
import { TICKET_MS } from "../core/limits.ts";
import { seededRandom } from "../core/random.ts";
import { issueTicket, type TicketStore } from "./tickets.ts";

/** A store for one test. */
export interface TicketWorld {
  readonly store: TicketStore;
  /** Another node's view of the same tickets; the same store where there is but one node. */
  readonly other: TicketStore;
  /** Lets time pass for all tickets. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const random = seededRandom(1);

/** What every ticket store promises. `open` makes a new one, for so many tickets. */
export function ticketStoreSuite(name: string, open: (capacity: number) => Promise<TicketWorld>): void {
  const inWorld =
    (run: (world: TicketWorld) => Promise<void>, capacity = 1_000) =>
    async (): Promise<void> => {
      const world = await open(capacity);
      try {
        await run(world);
      } finally {
        await world.close();
      }
    };

  describe(name, () => {
    test(
      "a ticket is good once, on whichever node",
      inWorld(async ({ store, other }) => {
        const { ticket, expires_in } = await issueTicket(store, random, "sk-a");
        expect(ticket).toMatch(/^wst_[0-9a-z]{32}$/);
        expect(expires_in).toBe(60);
        expect(await other.take(ticket)).toBe("sk-a");
        expect(await store.take(ticket)).toBeUndefined();
        expect(await other.take(ticket)).toBeUndefined();
      }),
    );

    test(
      "of many who use a ticket at the same moment one may",
      inWorld(async ({ store, other }) => {
        const { ticket } = await issueTicket(store, random, "sk-a");
        const nodes = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other));
        const taken = await Promise.all(nodes.map((node) => node.take(ticket)));
        expect(taken.filter((secret) => secret === "sk-a")).toHaveLength(1);
        expect(taken.filter((secret) => secret === undefined)).toHaveLength(19);
      }),
    );

    test(
      "a ticket that was never given is none",
      inWorld(async ({ store }) => {
        expect(await store.take("wst_nonsense")).toBeUndefined();
        expect(await store.take("")).toBeUndefined();
      }),
    );

    test(
      "a ticket is good for sixty seconds",
      inWorld(async ({ store, pass }) => {
        const first = await issueTicket(store, random, "sk-a");
        const second = await issueTicket(store, random, "sk-b");
        await pass(TICKET_MS - 1_000);
        expect(await store.take(first.ticket)).toBe("sk-a");
        await pass(1_000);
        expect(await store.take(second.ticket)).toBeUndefined();
      }),
    );

    test(
      "a full store refuses new tickets, keeps the old ones, and has room again as they expire",
      inWorld(async ({ store, pass }) => {
        const { ticket } = await issueTicket(store, random, "sk-a");
        await issueTicket(store, random, "sk-b");
        const refusal = { code: "overloaded", status: 503, detail: { retryAfterMs: 1_000 } };
        await expect(issueTicket(store, random, "sk-c")).rejects.toMatchObject(refusal);
        expect(await store.take(ticket)).toBe("sk-a");
        await pass(TICKET_MS);
        await issueTicket(store, random, "sk-d");
        await issueTicket(store, random, "sk-e");
        await expect(issueTicket(store, random, "sk-f")).rejects.toMatchObject(refusal);
      }, 2),
    );
  });
}
