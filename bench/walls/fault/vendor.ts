import { serveHttp } from "../../../tests/mock-vendor/http-server.ts";
import { SECOND } from "./answers.ts";
import { type Fault, USUAL } from "./fault.ts";
import { sayWhole } from "./faults/usage.ts";
import { FAULTS } from "./faults.ts";
import { HungUp, Stage } from "./stage.ts";
import type { Body } from "./wires/wire.ts";
import { WIRES } from "./wires.ts";

/** The vendor that nothing is wrong with, by its model's name. */
export const SECOND_MODEL = "second";

/** A vendor on a bare socket that does wrong what its model's name says, on whichever wire it is asked. */
export interface FaultVendor {
  /** Without a path. */
  readonly url: string;
  /** Calls that nobody has ended yet. */
  readonly running: number;
  stop(): void;
}

interface Script {
  readonly answer: Fault["answer"];
  readonly play: (stage: Stage) => Promise<void> | void;
}

/** @param port absent: a free one */
export function startFaultVendor(port?: number): FaultVendor {
  let running = 0;
  const server = serveHttp(async ({ path, body }, out) => {
    running += 1;
    try {
      const request = JSON.parse(Buffer.from(body).toString()) as Body; // a gateway wrote it
      const wire = WIRES.find((one) => one.read(path, request) !== undefined);
      const asked = wire?.read(path, request);
      const script = asked && scriptOf(asked.model, asked.isStream);
      if (script === undefined || wire === undefined || asked === undefined) {
        out.write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        return out.done();
      }
      const { operation, isStream } = asked;
      await script.play(new Stage(out, wire, script.answer ?? USUAL, operation, isStream));
    } catch (thrown) {
      if (!(thrown instanceof HungUp)) throw thrown;
    } finally {
      running -= 1;
    }
  }, port);
  return {
    url: `http://127.0.0.1:${server.port}`,
    get running() {
      return running;
    },
    stop: server.stop,
  };
}

function scriptOf(model: string, isStream: boolean): Script | undefined {
  if (model === SECOND_MODEL) return { answer: SECOND, play: sayWhole };
  const fault = FAULTS.find(({ name }) => name === model);
  const side = isStream ? fault?.stream : fault?.whole;
  return side && { answer: fault?.answer, play: side.play };
}
