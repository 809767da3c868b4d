import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { admitLength, frameOf } from "./grpc-answer.ts";

/** The frames of messages, made once for all streams that send the same ones. */
export type SharedFrames = {
  /** Throws where one of the messages is larger than the backend sends. */
  of(desc: DescMessage, messages: readonly Message[]): Buffer;
};

export function createSharedFrames(maxMessageBytes: number): SharedFrames {
  const known = new WeakMap<readonly Message[], Buffer>();
  return {
    of(desc, messages) {
      const found = known.get(messages);
      if (found !== undefined) return found;
      const frames = messages.map((message) => {
        const bytes = toBinary(desc, message);
        admitLength(bytes.length, maxMessageBytes);
        return frameOf(bytes, false);
      });
      const [first] = frames;
      const all = frames.length === 1 && first !== undefined ? first : Buffer.concat(frames);
      known.set(messages, all);
      return all;
    },
  };
}
