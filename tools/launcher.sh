#!/bin/sh
# Starts the command line with the Node that belongs to it: the one installed beside it, the checkout's, else the user's.
set -eu

self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=${self%/*}/$target ;;
  esac
done
# Called without a folder, as by "sh stigmer", it lies in this one. No process is started to find out, as each costs time.
case $self in
  /bin/stigmer) root= ;;
  */bin/stigmer) root=${self%/bin/stigmer} ;;
  */*) root=${self%/*}/.. ;;
  *) root=.. ;;
esac
program=$root/lib/stigmer.mjs

for node in "$root/bin/node" "$root/../.tools/node_modules/node/bin/node"; do
  if [ -x "$node" ]; then exec "$node" "$program" "$@"; fi
done

version=$(node --version 2>/dev/null || true)
release=${version#v}
major=${release%%.*}
minor=${release#*.}
minor=${minor%%.*}
if [ "${major:-0}" -gt 22 ] || { [ "${major:-0}" -eq 22 ] && [ "$minor" -ge 12 ]; }; then exec node "$program" "$@"; fi
echo "error: stigmer needs Node 22.12 or newer, and found ${version:-none}" >&2
echo "install it from https://nodejs.org, or run make setup in the checkout" >&2
exit 1
