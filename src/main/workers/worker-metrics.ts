import type { Peers } from "../../actors/peers.ts";
import type { WorkerPlace } from "../../config/worker-place.ts";
import { nodeId } from "../../core/ids.ts";
import { joinExpositions } from "../../http/exposition.ts";
import type { Metrics } from "../../http/metrics.ts";

const QUESTION = "metrics";
/** One that does not answer in this time is left out, as a scrape of a process that is gone would leave it out. */
const ANSWER_MS = 1_000;

/**
 * The metrics of all workers of this machine, whichever of them is asked: a scraper cannot choose, since the kernel
 * spreads connections. Every sample says whose it is (`worker="1"`): sums over workers would fall when one starts again,
 * which Prometheus takes for new counts.
 */
export function exposeAllWorkers(place: WorkerPlace, peers: Peers, own: Metrics): Pick<Metrics, "expose"> {
  const siblings = place.nodes.filter((_, at) => at + 1 !== place.number).map(nodeId);
  // Packed: a text of many vendors and models is larger than a message may be.
  peers.answer(QUESTION, async () => Bun.gzipSync(Buffer.from((await own.expose()).text)));
  return {
    async expose() {
      const live = peers.live();
      const asked = siblings.filter((name) => live.has(name));
      const [{ text, contentType }, ...others] = await Promise.all([
        own.expose(),
        ...asked.map((name) =>
          peers.ask(name, QUESTION, null, ANSWER_MS).then(
            (packed) => ({ text: unpacked(packed), contentType: "" }),
            () => ({ text: "", contentType: "" }),
          ),
        ),
      ]);
      return { text: joinExpositions([text, ...others.map((other) => other.text)]), contentType };
    },
  };
}

const unpacked = (packed: unknown): string =>
  packed instanceof Uint8Array ? Buffer.from(Bun.gunzipSync(new Uint8Array(packed))).toString() : "";
