import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import type { Gateway, ModelView } from "../../gateway/gateway.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { isAnthropic } from "../anthropic/is-anthropic.ts";
import { anthropicModel, anthropicModels } from "../anthropic/models.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { queryOf } from "../stored-text.ts";

export interface ModelRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  /** Epoch seconds that stand for every model's `created`: when this node learned its catalog. */
  readonly createdAt: number;
}

/** `GET /v1/models` and `GET /v1/models/{id}`, as far as the key may use them: in OpenAI's shape, or Anthropic's for its clients. */
export function modelRoutes(ports: ModelRoutePorts) {
  const answer = createAnswer(ports);
  const handle = (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    view: (models: readonly ModelView[], isAnthropics: boolean) => unknown,
  ): Promise<Response> =>
    answer(request, endpoint, async () => {
      const caller = await ports.gateway.authenticate(credentialOf(request, server), "models");
      return Response.json(view(ports.gateway.models(caller), isAnthropic(request)));
    });
  const shape = ({ id, vendors }: ModelView) => ({
    id,
    object: "model",
    created: ports.createdAt,
    owned_by: vendors[0] ?? "sluice",
  });
  return new Elysia({ name: "openai-models" })
    .get("/v1/models", ({ request, server }) =>
      handle(request, server, "/v1/models", (models, isAnthropics) =>
        isAnthropics
          ? anthropicModels(models, queryOf(request.url), ports.createdAt)
          : { object: "list", data: models.map(shape) },
      ),
    )
    .get("/v1/models/*", ({ request, server, params }) =>
      handle(request, server, "/v1/models/{id}", (models, isAnthropics) => {
        // Model names may hold slashes: whatever follows is the name.
        const name = decoded(params["*"]);
        const model = models.find(({ id }) => id === name);
        if (model === undefined) {
          throw new SluiceError("model_not_found", `The model '${name}' does not exist.`, { param: "model" });
        }
        return isAnthropics ? anthropicModel(model, ports.createdAt) : shape(model);
      }),
    );
}

/** A name that is no proper percent-encoding is taken as it stands: no model is called so. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
