import { httpLoad } from "./http-load.ts";
import type { LoadPlan } from "./plan.ts";
import { websocketLoad } from "./websocket-load.ts";

/** The generator as a process of its own: a plan as its argument, the result as its only output, both JSON. */
const plan: LoadPlan = JSON.parse(process.argv[2] ?? "");
console.log(JSON.stringify(await (plan.kind === "websocket" ? websocketLoad(plan) : httpLoad(plan))));
