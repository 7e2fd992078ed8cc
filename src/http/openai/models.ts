import { Elysia } from "elysia";
import { SluiceError } from "../../core/errors.ts";
import type { Gateway, ModelView } from "../../gateway/gateway.ts";
import { type AnswerPorts, createAnswer } from "../answer.ts";
import { isAnthropic } from "../anthropic/is-anthropic.ts";
import { anthropicModel, anthropicModels } from "../anthropic/models.ts";
import { type AddressSource, credentialOf } from "../credential.ts";
import { decoded, isGemini } from "../gemini/method.ts";
import { geminiModel, geminiModels } from "../gemini/models.ts";
import { queryOf } from "../stored-text.ts";

export interface ModelRoutePorts extends AnswerPorts {
  readonly gateway: Gateway;
  /** Epoch seconds that stand for every model's `created`: when this node learned its catalog. */
  readonly createdAt: number;
}

/** The models in the shape of one dialect. */
interface Shape {
  list(models: readonly ModelView[], query: URLSearchParams): unknown;
  one(model: ModelView): unknown;
}

/** `GET /v1/models` and `GET /v1/models/{id}`, as far as the key may use them: in the shape of the client's dialect. */
export function modelRoutes(ports: ModelRoutePorts) {
  const answer = createAnswer(ports);
  const { createdAt } = ports;
  const handle = (
    request: Request,
    server: AddressSource | null,
    endpoint: string,
    view: (models: readonly ModelView[], shape: Shape) => unknown,
  ): Promise<Response> =>
    answer(request, endpoint, async () => {
      const caller = await ports.gateway.authenticate(credentialOf(request, server), "models");
      return Response.json(view(ports.gateway.models(caller), shapeFor(request)));
    });
  const openais = ({ id, vendors }: ModelView) => ({
    id,
    object: "model",
    created: createdAt,
    owned_by: vendors[0] ?? "sluice",
  });
  const asOpenAi: Shape = {
    list: (models) => ({ object: "list", data: models.map(openais) }),
    one: openais,
  };
  const asAnthropic: Shape = {
    list: (models, query) => anthropicModels(models, query, createdAt),
    one: (model) => anthropicModel(model, createdAt),
  };
  const asGemini: Shape = { list: geminiModels, one: geminiModel };
  const shapeFor = (request: Request): Shape => {
    if (isGemini(request)) return asGemini;
    return isAnthropic(request) ? asAnthropic : asOpenAi;
  };
  return new Elysia({ name: "openai-models" })
    .get("/v1/models", ({ request, server }) =>
      handle(request, server, "/v1/models", (models, shape) => shape.list(models, queryOf(request.url))),
    )
    .get("/v1/models/*", ({ request, server, params }) =>
      handle(request, server, "/v1/models/{id}", (models, shape) => {
        // Model names may hold slashes: whatever follows is the name.
        const name = decoded(params["*"]);
        const model = models.find(({ id }) => id === name);
        if (model === undefined) {
          throw new SluiceError("model_not_found", `The model '${name}' does not exist.`, { param: "model" });
        }
        return shape.one(model);
      }),
    );
}
