import { Elysia } from "elysia";
import { asSluiceError, SluiceError } from "../../core/errors.ts";
import { randomText, requestId } from "../../core/ids.ts";
import type { Random } from "../../core/random.ts";
import type { Gateway, ModelView } from "../../gateway/gateway.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { errorResponse } from "../errors.ts";

export interface ModelRoutePorts {
  readonly gateway: Gateway;
  readonly random: Random;
  /** Epoch seconds that stand for every model's `created`: when this node learned its catalog. */
  readonly createdAt: number;
  countRequest(method: string, endpoint: string, status: number): void;
}

/** `GET /v1/models` and `GET /v1/models/{id}` in OpenAI's shape, as far as the key may use them. */
export function modelRoutes(ports: ModelRoutePorts) {
  const handle = async (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    view: (models: readonly ModelView[]) => unknown,
  ): Promise<Response> => {
    const id = requestId(`req_${randomText(ports.random.bytes(24))}`);
    let response: Response;
    try {
      const caller = await ports.gateway.authenticate(credentialOf(request, server), "models");
      response = Response.json(view(ports.gateway.models(caller)), { headers: { "x-request-id": id } });
    } catch (thrown) {
      response = errorResponse(asSluiceError(thrown), id);
    }
    ports.countRequest("GET", endpoint, response.status);
    return response;
  };
  const shape = ({ id, vendors }: ModelView) => ({
    id,
    object: "model",
    created: ports.createdAt,
    owned_by: vendors[0] ?? "sluice",
  });
  return new Elysia({ name: "openai-models" })
    .get("/v1/models", ({ request, server }) =>
      handle(request, server, "/v1/models", (models) => ({ object: "list", data: models.map(shape) })),
    )
    .get("/v1/models/*", ({ request, server, params }) =>
      handle(request, server, "/v1/models/{id}", (models) => {
        // Model names may hold slashes: whatever follows is the name.
        const name = decodeURIComponent(params["*"]);
        const model = models.find(({ id }) => id === name);
        if (model === undefined) {
          throw new SluiceError("model_not_found", `The model '${name}' does not exist.`, { param: "model" });
        }
        return shape(model);
      }),
    );
}
