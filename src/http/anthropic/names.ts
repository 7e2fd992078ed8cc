import type { Started } from "../../gateway/gateway.ts";
import type { MessageNames } from "./message-events.ts";

/** Messages and their calls are named by their request, which no other has. */
export const namesOf = ({
  requestId,
  vendorModel,
}: Pick<Started, "requestId" | "vendorModel">): MessageNames => ({
  suffix: requestId.replace(/^req_/, ""),
  model: vendorModel,
});
