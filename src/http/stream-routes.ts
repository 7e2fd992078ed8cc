import { Elysia } from "elysia";
import { type AnswerPorts, createAnswer } from "./answer.ts";
import { cancelStream, resumeStream, type StreamPorts, type StreamServer } from "./streams.ts";

export type StreamRoutePorts = StreamPorts & AnswerPorts;

/** `GET` and `DELETE /v1/streams/{id}`. */
export function streamRoutes(ports: StreamRoutePorts) {
  const answer = createAnswer(ports);
  const handle = (
    run: typeof resumeStream,
    request: Request,
    server: StreamServer | null,
    id: string,
  ): Promise<Response> => answer(request, "/v1/streams/{id}", () => run(ports, request, server, id));
  return new Elysia({ name: "streams" })
    .get("/v1/streams/:id", ({ request, server, params }) => handle(resumeStream, request, server, params.id))
    .delete("/v1/streams/:id", ({ request, server, params }) =>
      handle(cancelStream, request, server, params.id),
    );
}
