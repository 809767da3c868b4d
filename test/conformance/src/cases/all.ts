import type { Case } from "../case.ts";
import type { Session } from "../context.ts";
import { isUsers, type Kind } from "../kinds.ts";
import { anyCases } from "./any.ts";
import { applyCases } from "./apply.ts";
import { badNameCases } from "./bad-names.ts";
import { blobCases } from "./blobs.ts";
import { createCases } from "./create.ts";
import { deleteCases } from "./delete.ts";
import { fieldRuleCases } from "./field-rules.ts";
import { filterCases } from "./filters.ts";
import { getCases } from "./get.ts";
import { idempotencyCases } from "./idempotency.ts";
import { kindApplyCases } from "./kind-apply.ts";
import { kindFilterCases } from "./kind-filters.ts";
import { listCases } from "./list.ts";
import { malformedCases } from "./malformed.ts";
import { modelCases } from "./models.ts";
import { originCases } from "./origin.ts";
import { ownerCases } from "./owners.ts";
import { pageTokenCases } from "./page-tokens.ts";
import { revisionCases } from "./revisions.ts";
import { searchCases } from "./search.ts";
import { selectorCases } from "./selectors.ts";
import { serverCases } from "./server.ts";
import { unclaimedCases } from "./unclaimed.ts";
import { updateCases } from "./update.ts";
import { watchCases } from "./watch.ts";
import { watchTokenCases } from "./watch-tokens.ts";

/** Every case, those of the kinds included, each name once. */
export function allCases({ kinds, claims }: Pick<Session, "kinds" | "claims">): readonly Case[] {
  const claimed = kinds.all.filter((kind) => kind.services.some(({ typeName }) => claims.claimed.includes(typeName)));
  const users = claimed.filter(isUsers);
  return [
    ...[
      ...serverCases,
      ...unclaimedCases(claims),
      ...originCases,
      ...blobCases,
      ...malformedCases(claims),
      ...fieldRuleCases(claims),
    ],
    ...users.flatMap(ofUsersKind),
    ...claimed.flatMap((kind) => [
      ...getCases(kind),
      ...listCases(kind),
      ...kindFilterCases(kind),
      ...watchTokenCases(kind),
    ]),
    ...[...anyCases(claimed), ...applyCases, ...selectorCases, ...filterCases, ...searchCases, ...modelCases],
  ];
}

/** Cases of a kind whose resources users make. */
function ofUsersKind(kind: Kind): readonly Case[] {
  return [
    ...createCases(kind),
    ...badNameCases(kind),
    ...updateCases(kind),
    ...deleteCases(kind),
    ...ownerCases(kind),
    ...kindApplyCases(kind),
    ...idempotencyCases(kind),
    ...pageTokenCases(kind),
    ...watchCases(kind),
    ...(kind.options.revisions ? revisionCases(kind) : []),
  ];
}
