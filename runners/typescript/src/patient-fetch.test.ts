import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createPatientFetch } from "./patient-fetch.ts";

it("keeps its own time, which Node's fetch does not let one say", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const hasty = createPatientFetch({ headersTimeout: 100, bodyTimeout: 100 });

  await expect(hasty(url)).rejects.toMatchObject({ cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
  server.closeAllConnections();
  server.close();
});
