import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import { mediaId } from "../../core/ids.ts";
import type { StoredMedia } from "../../media/media.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import { pathPart } from "../stored-text.ts";
import { type DeliverPorts, deliver } from "./deliver.ts";
import type { Uploads } from "./upload.ts";

export interface MediaRoutePorts extends AnswerPorts, DeliverPorts {
  readonly uploads: Uploads;
  readonly idempotency: Idempotency;
}

const PATTERN = "/v1/media/{id}";

/** `POST /v1/media`, and `GET`, `HEAD` and `DELETE /v1/media/{id}`. */
export function mediaRoutes(ports: MediaRoutePorts) {
  const { gateway, store, idempotency, uploads } = ports;
  const answer = createAnswer(ports);
  const callerOf = (request: Request, server: AddressSource | null) =>
    gateway.authenticate(credentialOf(request, server), "media");
  return (
    new Elysia({ name: "media" })
      .post(
        "/v1/media",
        ({ request, server }) =>
          answer(request, "/v1/media", async (id) => {
            const { tenant } = await callerOf(request, server);
            const told = (media: StoredMedia): Response => {
              const view = mediaView(media, store.link(media, new URL(request.url).origin));
              return Response.json(view, { status: 201 });
            };
            if (!request.headers.has("idempotency-key")) return told(await uploads.take(tenant, request));
            return uploads.takeWhole(tenant, request, (bytes, keep) =>
              runOnce(idempotency, request, { tenant, id, print: bytes }, async () => told(await keep())),
            );
          }),
        { parse: "none" },
      )
      // HEAD comes here, too.
      .get("/v1/media/:id", ({ request, server, params }) =>
        answer(request, PATTERN, (requestId) =>
          deliver(ports, request, server, pathPart(params.id) ?? "", requestId),
        ),
      )
      .delete("/v1/media/:id", ({ request, server, params }) =>
        answer(request, PATTERN, async () => {
          const { tenant } = await callerOf(request, server);
          const id = mediaId(pathPart(params.id) ?? "");
          if (!(await store.remove(tenant, id))) {
            throw new SluiceError("not_found", "There is no such picture or sound of yours.", {
              param: "id",
            });
          }
          return Response.json({ id, object: "media", deleted: true });
        }),
      )
  );
}

/** What a client is told of something that is kept. Times are epoch seconds, as in OpenAI's files. */
const mediaView = (media: StoredMedia, url: string) => ({
  id: media.id,
  object: "media",
  url,
  content_type: media.contentType,
  bytes: media.bytes,
  width: media.width ?? null,
  height: media.height ?? null,
  sha256: media.hash,
  created_at: Math.floor(media.createdAt / 1_000),
  expires_at: Math.floor(media.expiresAt / 1_000),
});
