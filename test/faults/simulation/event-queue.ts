/** Events by time; those of one moment in the order in which they came. */
export interface EventQueue {
  add(at: number, act: () => void): void;
  /** When the next event is. */
  peek(): number | undefined;
  /** Removes the next event. */
  take(): () => void;
}

type Event = { readonly at: number; readonly order: number; readonly act: () => void };

export function createEventQueue(): EventQueue {
  const heap: Event[] = [];
  let count = 0;
  return {
    add(at, act) {
      heap.push({ at, order: count++, act });
      rise(heap, heap.length - 1);
    },
    peek: () => heap[0]?.at,
    take() {
      const [first] = heap;
      const last = heap.pop();
      if (first === undefined || last === undefined) throw new Error("there is no event");
      if (last !== first) {
        heap[0] = last;
        sink(heap);
      }
      return first.act;
    },
  };
}

function rise(heap: Event[], from: number): void {
  for (let at = from; at > 0; ) {
    const parent = (at - 1) >> 1;
    if (!swapIfLater(heap, parent, at)) return;
    at = parent;
  }
}

function sink(heap: Event[]): void {
  for (let at = 0; ; ) {
    const left = 2 * at + 1;
    const least = isEarlier(heap[left + 1], heap[left]) ? left + 1 : left;
    if (!swapIfLater(heap, at, least)) return;
    at = least;
  }
}

function swapIfLater(heap: Event[], upper: number, lower: number): boolean {
  const [above, below] = [heap[upper], heap[lower]];
  if (above === undefined || below === undefined || !isEarlier(below, above)) return false;
  heap[upper] = below;
  heap[lower] = above;
  return true;
}

function isEarlier(one: Event | undefined, other: Event | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
