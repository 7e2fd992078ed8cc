import { Elysia } from "elysia";
import { asSluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import type { Random } from "../core/random.ts";
import { errorResponse } from "./errors.ts";
import { cancelStream, resumeStream, type StreamPorts, type StreamServer } from "./streams.ts";

export interface StreamRoutePorts extends StreamPorts {
  readonly random: Random;
  countRequest(method: string, endpoint: string, status: number): void;
}

/** `GET` and `DELETE /v1/streams/{id}` (contract §5). */
export function streamRoutes(ports: StreamRoutePorts) {
  const handle = async (
    run: typeof resumeStream,
    request: Request,
    server: StreamServer | null,
    id: string,
  ): Promise<Response> => {
    let response: Response;
    try {
      response = await run(ports, request, server, id);
    } catch (thrown) {
      response = errorResponse(asSluiceError(thrown), `req_${randomText(ports.random.bytes(24))}`);
    }
    ports.countRequest(request.method, "/v1/streams/{id}", response.status);
    return response;
  };
  return new Elysia({ name: "streams" })
    .get("/v1/streams/:id", ({ request, server, params }) => handle(resumeStream, request, server, params.id))
    .delete("/v1/streams/:id", ({ request, server, params }) =>
      handle(cancelStream, request, server, params.id),
    );
}
