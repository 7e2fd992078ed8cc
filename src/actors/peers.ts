import type { Bus, Subscription } from "../bus/bus.ts";
import { subjectToken } from "../bus/subject.ts";
import type { NodeId } from "../core/ids.ts";
import type { Membership } from "./placement/membership.ts";

/** Questions that one node asks all others: what an operator or an accountant wants to know of the whole cluster. */
export interface Peers {
  /** Answers a question of other nodes. */
  answer(question: string, handler: (payload: unknown) => Promise<unknown>): void;
  /** Asks every other live node at once. Never rejects; a node that did not answer says why. */
  askOthers(question: string, payload: unknown, timeoutMs: number): Promise<readonly PeerAnswer[]>;
  /** Asks one node. Rejects with BusError: `no_responders` at once when nobody of that name answers such questions. */
  ask(node: NodeId, question: string, payload: unknown, timeoutMs: number): Promise<unknown>;
  /** The names of the nodes that are alive, this one included. */
  live(): ReadonlySet<NodeId>;
  /** The most that were alive at once lately. */
  expected(): number;
  close(): void;
}

export type PeerAnswer =
  | { readonly node: NodeId; readonly ok: true; readonly answer: unknown }
  | { readonly node: NodeId; readonly ok: false; readonly cause: unknown };

export interface PeersOptions {
  readonly node: NodeId;
  readonly bus: Bus;
  readonly membership: Membership;
}

const subjectOf = (node: NodeId, question: string): string => `node.${subjectToken(node)}.${question}`;

export function createPeers({ node, bus, membership }: PeersOptions): Peers {
  const subscriptions: Subscription[] = [];
  return {
    answer(question, handler) {
      subscriptions.push(bus.serve(subjectOf(node, question), handler));
    },
    askOthers(question, payload, timeoutMs) {
      const others = [...membership.live()].filter((other) => other !== node);
      return Promise.all(
        others.map(async (other): Promise<PeerAnswer> => {
          try {
            const answer = await bus.request(subjectOf(other, question), payload, { timeoutMs });
            return { node: other, ok: true, answer };
          } catch (cause) {
            return { node: other, ok: false, cause };
          }
        }),
      );
    },
    ask: (other, question, payload, timeoutMs) =>
      bus.request(subjectOf(other, question), payload, { timeoutMs }),
    live: () => membership.live(),
    expected: () => membership.expected(),
    close() {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}
