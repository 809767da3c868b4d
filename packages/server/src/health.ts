import { create } from "@bufbuild/protobuf";
import { notFound } from "@stigmer/base";
import {
  Health,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "@stigmer/contracts/grpc";
import { type Handler, serverStream, unary } from "@stigmer/resource";

/** grpc.health.v1: the whole server, or one of its services, serves until it drains. */
export function healthHandlers(options: {
  readonly services: readonly string[];
  readonly draining: AbortSignal;
}): readonly Handler[] {
  const known = new Set(["", ...options.services]);
  const current = () =>
    create(HealthCheckResponseSchema, { status: options.draining.aborted ? Status.NOT_SERVING : Status.SERVING });
  return [
    unary(Health.method.check, async ({ service }) => {
      if (!known.has(service)) throw notFound("RESOURCE_NOT_FOUND", { kind: "Service", name: service });
      return current();
    }),
    serverStream(Health.method.watch, async function* ({ service }, { signal }) {
      if (!known.has(service)) {
        yield create(HealthCheckResponseSchema, { status: Status.SERVICE_UNKNOWN });
      } else {
        yield current();
        await aborted(AbortSignal.any([signal, options.draining]));
        if (!signal.aborted) yield current();
      }
    }),
    unary(Health.method.list, async () =>
      create(HealthListResponseSchema, {
        statuses: Object.fromEntries([...known].map((service) => [service, current()])),
      }),
    ),
  ];
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
