import { describe } from "vitest";
import { answersSuite } from "./provider.suite.ts";
import { requestsSuite } from "./provider-requests.suite.ts";
import { troubleSuite } from "./provider-trouble.suite.ts";
import { VENDORS } from "./vendors.fake.ts";

describe.each(VENDORS)("$name", (vendor) => {
  requestsSuite(vendor);
  describe.each([true, false])("streamed: %s", (stream) => {
    answersSuite(vendor, stream);
    troubleSuite(vendor, stream);
  });
});
