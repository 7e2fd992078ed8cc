import type { PictureForm } from "../../adapters/media-adapter.ts";
import { SluiceError } from "../../core/errors.ts";
import type { TenantId } from "../../core/ids.ts";
import type { MediaInput, MediaRequest } from "../../core/media.ts";
import type { MediaStore, StoredMedia } from "../../media/media.ts";
import { OutboundError } from "../../outbound/outbound.ts";
import type { KeptInput, KeptRequest, PictureOrder } from "./order.ts";

/** Puts a request's pictures where every node finds them. Throws what the store throws. */
export async function keepInputs(
  store: MediaStore,
  tenant: TenantId,
  request: MediaRequest,
): Promise<KeptRequest> {
  const keep = async (input: MediaInput): Promise<KeptInput> => {
    if (input.kind === "url") return input;
    const { id } = await store.keep(tenant, input.bytes, { source: "upload" });
    return { kind: "kept", media: id };
  };
  const { mask, ...rest } = request;
  const inputs = await Promise.all(request.inputs.map(keep));
  return { ...rest, inputs, ...(mask === undefined ? {} : { mask: await keep(mask) }) };
}

/**
 * The request as an adapter takes it: pictures as bytes or as URLs, as it must have them.
 * @throws SluiceError `not_found` for a picture that is not kept any more, and what fetching one throws
 */
export async function requestFor(
  store: MediaStore,
  { caller, request, base }: PictureOrder,
  takes: PictureForm | undefined,
): Promise<MediaRequest> {
  const given = async (input: KeptInput): Promise<MediaInput> => {
    if (input.kind === "url" && takes !== "bytes") return input;
    const media = await storedOf(store, caller.tenant, input);
    if (takes === "url") return { kind: "url", url: store.link(media, base) };
    return { kind: "bytes", bytes: await store.bytes(media), contentType: media.contentType };
  };
  const { mask, ...rest } = request;
  const inputs = await Promise.all(request.inputs.map(given));
  return { ...rest, inputs, ...(mask === undefined ? {} : { mask: await given(mask) }) };
}

async function storedOf(store: MediaStore, tenant: TenantId, input: KeptInput): Promise<StoredMedia> {
  if (input.kind === "url") {
    return store.keepUrl(tenant, input.url, { source: "input" }).catch((thrown: unknown) => {
      throw thrown instanceof OutboundError ? thrown.forClient("image") : thrown;
    });
  }
  const media = await store.find(tenant, input.media);
  if (media === undefined) throw new SluiceError("not_found", "A picture to work from is not kept any more.");
  return media;
}
