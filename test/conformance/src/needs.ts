/** What a case cannot do without: streams, streams in both directions, an encoding, plain JSON (so that it runs once), or a URL on the loopback. */
export type Need = "stream" | "bidi" | "json" | "binary" | "plain" | "loopback";
