#!/usr/bin/env bash
# Installs raftkit, moves the installation, and builds and runs small projects against it.
# usage: run.sh BUILD-DIRECTORY SCRATCH-DIRECTORY [PORT]
set -euo pipefail
build=$(realpath "$1")
rm -rf "$2" && mkdir -p "$2"
scratch=$(realpath "$2")
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")

cmake --install "$build" --prefix "$scratch/installed" >"$scratch/install.log"
mv "$scratch/installed" "$scratch/moved"
if grep -rlE "$build|$scratch/installed" "$scratch/moved" --include='*.cmake'; then
  echo "the package names the directory it was built or installed in"
  exit 1
fi
if find "$scratch/moved/include" -name '*.pb.h' | grep .; then
  echo "generated headers were installed"
  exit 1
fi
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
for project in core full raw_node; do
  source=$here/$project
  [ -d "$source" ] || source=$here/../../examples/$project
  cmake -G Ninja -S "$source" -B "$scratch/$project" -DCMAKE_PREFIX_PATH="$scratch/moved" \
    -DCMAKE_BUILD_TYPE=Release "${launcher[@]}" >"$scratch/$project.log" || {
    cat "$scratch/$project.log"
    exit 1
  }
  cmake --build "$scratch/$project"
done
"$scratch/core/consumer"
"$scratch/full/consumer" "$scratch/data" "${3:-24680}"
"$scratch/raw_node/raw_node" | diff "$here/../../examples/raw_node/expected.txt" -
echo "all consumers work from a moved installation"
